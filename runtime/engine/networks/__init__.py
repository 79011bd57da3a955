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
attaching.py  puts a container into its networks and takes it out again
rootless.py   a way out for a container of a user who isn't root
"""
