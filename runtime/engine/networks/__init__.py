"""Containers' networks: bridges, addresses, names and published ports, without a daemon. See docs/networks.md.

model.py      what a network, an endpoint and a published port are; pure
joining.py    docker's ``--network`` and what goes with it; pure
ports.py      docker's ``-p``; pure
pool.py       which subnets and addresses are taken next; pure
rules.py      a network as nft's text; pure
hosts.py      a container's hosts and resolv.conf; pure
netlink.py    messages to the kernel and its answers
links.py      bridges, veth pairs, addresses and routes by those messages
nft.py        runs nft
folder.py     what is on disk
bridging.py   a network's bridge and rules, as long as somebody is in it
attaching.py  puts a container into its networks and takes it out again
foreground.py the default network for a program in the foreground, which the launcher puts into it
leaving.py    what is removed some time after that
rootless.py   a way out for a container of a user who isn't root
"""
