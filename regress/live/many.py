#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# For many.sh.
#
#	many.py conf A|B CONFIGURED UP [CHANGED]	iked.conf: of so many tunnels these
#						are answered; one with another lifetime
#	many.py send UP			a datagram through each of them
#	many.py up STATUS N		so many are up
#	many.py same BEFORE AFTER NAME	all that were up have the same SPIs and counters
#					but NAME, whose SPIs are new

import json
import socket
import sys

PORT = 20000


def rule(gateway, i, up, changed):
    here, there = ('a', 'b') if gateway == 'A' else ('b', 'a')
    nets = '10.1.0.0/24 to 10.2.0.0/24'
    local, peer = '192.0.2.1', '192.0.2.2'
    port = f'to 10.2.0.0/24 port {PORT + i}'
    source = 'from 10.1.0.0/24'
    if gateway == 'B':
        local, peer = peer, local
        source, port = f'from 10.2.0.0/24 port {PORT + i}', 'to 10.1.0.0/24'
    how = 'active' if gateway == 'A' else 'passive'
    if i >= up:			# nobody is there
        peer, how = f'198.18.{i // 250}.{i % 250 + 1}', 'passive'
        source, port = f'from 10.{100 + i // 250}.{i % 250}.0/24', 'to 10.2.0.0/24'
    life = 'lifetime 9000 ' if i == changed else ''
    return (f'ikev2 "t{i}" {how} esp proto udp {source} {port} local {local} '
            f'peer {peer} srcid {here}{i}.example dstid {there}{i}.example '
            f'{life}psk "the secret of tunnel {i}"')


def conf(gateway, configured, up, changed=-1):
    if gateway == 'A':
        print('ikev2 "paris" active esp from 10.1.0.0/24 to 10.2.0.0/24 local '
              '192.0.2.1 peer 192.0.2.2 srcid a.example dstid b.example '
              'psk "a-key-of-decent-length"')
    else:
        print('ikev2 "paris" passive esp from 10.2.0.0/24 to 10.1.0.0/24 local '
              '192.0.2.2 peer 192.0.2.1 srcid b.example dstid a.example '
              'psk "a-key-of-decent-length"')
    for i in range(configured):
        print(rule(gateway, i, up, changed))


def send(up):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(up):
        try:
            s.sendto(b'x' * (i + 1), ('10.2.0.2', PORT + i))
        except ConnectionRefusedError:
            pass


def tunnels(path):
    with open(path) as f:
        return {t['name']: t for t in json.load(f)['tunnels']}


def count_up(path, n):
    up = sum(t['up'] for t in tunnels(path).values())
    print(f'{up} are up')
    return up >= n


FIELDS = ('spi_in', 'spi_out', 'ike_spi_i', 'ike_spi_r', 'bytes_in', 'bytes_out',
          'rekeys_child', 'rekeys_ike')


def same(before, after, changed):
    was, now = tunnels(before), tunnels(after)
    bad, n, traffic = [], 0, 0
    for name, t in was.items():
        if not t['up'] or name == 'paris':	# it carries what is counted
            continue
        n += 1
        traffic += t['bytes_out']
        u = now[name]
        differ = [f for f in FIELDS if t[f] != u.get(f)]
        if name == changed:
            if not u['up'] or 'spi_in' not in differ or 'spi_out' not in differ:
                bad.append((name, u['state'], 'its SPIs are not new'))
        elif differ:
            bad.append((name, u['state'], differ))
    if was['paris']['spi_in'] != now['paris']['spi_in']:
        bad.append(('paris', 'SPIs'))
    print(f'{n} were up, which had sent {traffic} bytes; changed: {changed}')
    print(*bad[:10], sep='\n')
    return not bad and n > 100 and traffic > 0


def main(word, *args):
    if word == 'conf':
        return conf(args[0], *map(int, args[1:])) or True
    if word == 'send':
        return send(int(args[0])) or True
    if word == 'up':
        return count_up(args[0], int(args[1]))
    return same(*args)


sys.exit(0 if main(*sys.argv[1:]) else 1)
