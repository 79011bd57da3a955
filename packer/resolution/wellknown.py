"""Small files that whit writes itself (accounts, name services, ports, MIME types), and where large ones have to be.

Ports are those of IANA's service name registry that programs ask for by name; types are those of IANA's media type
registry and of the formats' own specifications that web servers and mail programs meet. Kept as text here because
they are part of every image's digest: they change only with whit's version.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

CERTIFICATES_PATH: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian has its bundle: the first place that Go looks at, and the one that the most programs know."""

ZONES_PATH: Final = "/usr/share/zoneinfo"
"""Where every libc and Go look for time zones."""

PASSWD: Final = b"""\
root:x:0:0:root:/root:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
"""
"""passwd(5)."""

GROUP: Final = b"""\
root:x:0:
nonroot:x:65532:
nobody:x:65534:
"""
"""group(5)."""

NSSWITCH: Final = b"""\
passwd: files
group: files
hosts: files dns
services: files
"""
"""nsswitch.conf(5): only what a static glibc has inside. A host's own names modules that can't be loaded here."""

_PORTS: Final = """\
echo 7/tcp 7/udp
discard 9/tcp 9/udp
daytime 13/tcp 13/udp
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp 37/udp
whois 43/tcp nicname
domain 53/tcp 53/udp
bootps 67/udp
bootpc 68/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp 88/udp
pop3 110/tcp
sunrpc 111/tcp 111/udp portmapper
auth 113/tcp ident
nntp 119/tcp
ntp 123/udp
imap 143/tcp imap2
snmp 161/udp
snmptrap 162/udp snmp-trap
bgp 179/tcp
irc 194/tcp
ldap 389/tcp 389/udp
https 443/tcp 443/udp
microsoft-ds 445/tcp
kpasswd 464/tcp 464/udp
submissions 465/tcp smtps
isakmp 500/udp
syslog 514/udp
printer 515/tcp
rtsp 554/tcp 554/udp
nntps 563/tcp
submission 587/tcp
ipp 631/tcp 631/udp
ldaps 636/tcp
domain-s 853/tcp 853/udp
rsync 873/tcp
ftps-data 989/tcp
ftps 990/tcp
telnets 992/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
openvpn 1194/udp
ms-sql-s 1433/tcp
l2tp 1701/udp
radius 1812/udp
radius-acct 1813/udp
mqtt 1883/tcp
nfs 2049/tcp 2049/udp
etcd-client 2379/tcp
etcd-server 2380/tcp
iscsi-target 3260/tcp
mysql 3306/tcp
ms-wbt-server 3389/tcp
stun 3478/tcp 3478/udp turn
svn 3690/tcp subversion
vxlan 4789/udp
sip 5060/tcp 5060/udp
sips 5061/tcp 5061/udp sip-tls
xmpp-client 5222/tcp
xmpp-server 5269/tcp
mdns 5353/udp
postgresql 5432/tcp postgres
amqps 5671/tcp
amqp 5672/tcp
redis 6379/tcp
ircs-u 6697/tcp
http-alt 8080/tcp webcache
secure-mqtt 8883/tcp
git 9418/tcp
"""

_TYPES: Final = """\
application/atom+xml atom
application/epub+zip epub
application/geo+json geojson
application/gzip gz
application/java-archive jar
application/json json map
application/json5 json5
application/ld+json jsonld
application/manifest+json webmanifest
application/msword doc
application/ogg ogx
application/pdf pdf
application/pgp-signature sig asc
application/rss+xml rss
application/rtf rtf
application/sql sql
application/toml toml
application/vnd.android.package-archive apk
application/vnd.apple.mpegurl m3u8
application/vnd.debian.binary-package deb
application/vnd.ms-excel xls
application/vnd.ms-fontobject eot
application/vnd.ms-powerpoint ppt
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.text odt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.rar rar
application/vnd.sqlite3 sqlite sqlite3
application/wasm wasm
application/x-7z-compressed 7z
application/x-bzip2 bz2
application/x-httpd-php php
application/x-iso9660-image iso
application/x-ndjson ndjson
application/x-rpm rpm
application/x-sh sh
application/x-tar tar
application/x-x509-ca-cert crt der pem
application/x-xz xz
application/xhtml+xml xhtml
application/xml xml xsl xsd
application/yaml yaml yml
application/zip zip
application/zstd zst
audio/aac aac
audio/flac flac
audio/midi mid midi
audio/mp4 m4a
audio/mpeg mp3
audio/ogg oga ogg
audio/opus opus
audio/wav wav
audio/webm weba
font/collection ttc
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/apng apng
image/avif avif
image/bmp bmp
image/gif gif
image/heic heic
image/jpeg jpeg jpg
image/jxl jxl
image/png png
image/svg+xml svg svgz
image/tiff tif tiff
image/vnd.microsoft.icon ico
image/webp webp
message/rfc822 eml
model/gltf+json gltf
model/gltf-binary glb
model/stl stl
text/calendar ics
text/css css
text/csv csv
text/html html htm
text/javascript js mjs cjs
text/markdown md markdown
text/plain txt text log conf
text/tab-separated-values tsv
text/vcard vcf
text/vtt vtt
video/3gpp 3gp
video/mp2t ts
video/mp4 mp4 m4v
video/mpeg mpeg mpg
video/ogg ogv
video/quicktime mov
video/webm webm
video/x-matroska mkv
video/x-msvideo avi
"""


def _ports() -> bytes:
    lines: list[str] = []
    for line in _PORTS.splitlines():
        name, *rest = line.split()
        aliases = [word for word in rest if "/" not in word]
        lines += [" ".join((name, port, *aliases)) for port in rest if "/" in port]
    return ("\n".join(lines) + "\n").encode()


SERVICES: Final = _ports()
"""services(5): ``name port/protocol aliases``."""

PROTOCOLS: Final = b"""\
ip 0 IP
icmp 1 ICMP
igmp 2 IGMP
ipencap 4 IP-ENCAP
tcp 6 TCP
egp 8 EGP
udp 17 UDP
dccp 33 DCCP
ipv6 41 IPv6
ipv6-route 43 IPv6-Route
ipv6-frag 44 IPv6-Frag
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
ipv6-icmp 58 IPv6-ICMP
ipv6-nonxt 59 IPv6-NoNxt
ipv6-opts 60 IPv6-Opts
ospf 89 OSPFIGP
pim 103 PIM
vrrp 112 VRRP
l2tp 115 L2TP
sctp 132 SCTP
udplite 136 UDPLite
"""
"""protocols(5): ``name number alias``, those of IANA's registry of protocol numbers that hosts and routers speak."""

MIME_TYPES: Final = _TYPES.encode()
"""mime.types: ``type extensions``."""
