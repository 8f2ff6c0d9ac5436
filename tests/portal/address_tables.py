"""Addresses for the tests of what the portal calls: closed ones and open ones, and how they may be written."""

from __future__ import annotations

_CLOSED = """
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200 100.127.255.255
127.0.0.0 127.0.0.1 127.0.1.1 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 169.254.255.255
172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.171
192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.1 192.0.2.255 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.0.1
192.168.255.255 192.175.48.1 198.18.0.0 198.18.0.1 198.19.255.255 198.51.100.0 198.51.100.7 198.51.100.255 203.0.113.0
203.0.113.9 203.0.113.255 224.0.0.0 224.0.0.1 224.0.0.251 232.1.1.1 233.252.0.1 239.255.255.250 239.255.255.255
240.0.0.0 240.0.0.1 254.1.1.1 255.255.255.254 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::7f00:1 ::8.8.8.8 ::ffff:0:0 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:8.8.8.8
::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::8.8.8.8
64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::7f00:1 64:ff9b:1:fffe::10.0.0.1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1::
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:1::2 2001:2::1 2001:2:0:1::5 2001:3::1 2001:4:112::1 2001:5::1
2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 2002:7f00:1:: 2002:7f00:1::1
2002:a00:1::1 2002:808:808::1 2002:a9fe:a9fe::1 2620:4f:8000::1 3ffe::1 3ffe:831f:ce49:7cb4:0:f227:ffff:ffff 3fff::1
3fff:fff::1 4000::1 5f00::1 8000::1 1000::1 1fff:ffff::1 fc00::1 fd00::1 fd00:ec2::254 fd12:3456:789a::1 fdff::1
fe00::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 fec0:0:0:ffff::1 feff::1 ff00::1 ff01::1 ff02::1 ff02::fb ff05::1
ff0e::1 ffff::1 0:0:0:0:0:0:0:1 0:0:0:0:0:ffff:7f00:1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""
_OPEN = """
1.0.0.1 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
2000::1 2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700:4700::1111 2620:4f:7fff::1
2620:4f:8001::1 2a00:1450:4001::1 3ffd:ffff::1 3fff:1000::1 3fff:ffff::1
"""
_LOOPBACK = """
127.0.0.1 127.0.0.1. 127.0.0.1:443 127.1 127.1. 127.0.1 127.0.0.2 127.127.127.127 0177.1 0177.0.0.1 0177.0.01
00177.0.0.1 0177.0000.0000.0001 0x7f.1 0X7F.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0x7F000001 0x7f000001 0x000000007f000001
2130706433 2130706433. 017700000001 0017700000001 127.0x1 0x7f.0.1 127.000.000.001 0 0. 0.0 0.0.0.0 0x0 00
[::1] [::1]:443 [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [::] [::ffff:7f00:1]
[::ffff:127.0.0.1] [::FFFF:127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [::7f00:1] [64:ff9b::7f00:1]
[64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::] [::ffff:0:7f00:1] [fe80::1] [fd00::1] [fec0::1]
localhost LOCALHOST localhost. LocalHost.:443 localhost:443 a.localhost a.b.LOCALHOST.
①②⑦.⓪.⓪.① ①②⑦.⓪.⓪.①. １２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟙𝟚𝟟.𝟘.𝟘.𝟙 １２７.1 ０ｘ７ｆ．１
②①③⓪⑦⓪⑥④③③ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ 𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭 locaⅼhost ⅼocalhost loc\u00adalhost local\u200bhost
"""
_METADATA = """
169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 169.254.43518 169.16689662
[::ffff:a9fe:a9fe] [fd00:ec2::254] 100.100.100.200 1684301000 192.168.1.1 192.168.257 3232235777 10.1 012.1 0xa.1
"""

CLOSED, OPEN = _CLOSED.split(), _OPEN.split()
CLOSED_IN_DISGUISE = [
    *(f"https://{host}/" for host in _LOOPBACK.split()),
    *(f"https://{host}/latest/meta-data/" for host in _METADATA.split()),
]
"""All of them lead to a closed address, when a system's resolver is asked."""

UNREADABLE = [
    *(
        f"https://{text}"
        for text in (
            "user@public.example", "user:word@public.example/", "@public.example", "public.example@127.0.0.1",
            "public.example:443@127.0.0.1/", "127.0.0.1\\@public.example", "public.example\\@127.0.0.1/",
            "public.example\\.127.0.0.1", "public.example#@127.0.0.1/", "127.0.0.1#@public.example/",
            "public.example/#top", "public.example%00.127.0.0.1", "127.0.0.%31", "%6c%6f%63alhost", "public%2eexample",
            "public.example:44 3/", "public.example:443:80/", "public.example:", "public.example:/", "127.0.0.256",
            "public.example:-1/", "1.2.3.4.5", "0x7g.1", "0x100000000", "4294967296", "256.1", "08.1", "1..2.3", "..",
            ".", "", "/", "//127.0.0.1/", "public..example", ".public.example", "-public.example", "public-.example/",
            "*.public.example", f"{'a' * 64}.example", f"{'a.' * 127}example", "[::1", "::1]/", "[::1]x/", "[::1]:",
            "[fe80::1%25lo]", "[fe80::1%lo]/", "[127.0.0.1]", "[v1.fe80]", "[]", "[:::1]", "[12345::]",
            "pub lic.example", "public.example/a b", "public.example/\r\nHost: 127.0.0.1", "public.example\r\n",
            "public.example\t", "public.example\x00.example", "public.example/\u2028", "public.example\u00a0",
            "public.example:99999/", "public.example:0/", "exa\u202emple.example", "a\u2044b.example",
            "public.example／@127.0.0.1", "public.example＠127.0.0.1", "public.example：80", "public.example＃.x",
            "xn--\u00e4.example", "１２７.０.０.２５６", "public.example:٤٤٣/", "public.example:443x/",
        )
    ),
    "", " ", "https", "https:", "https:/public.example", "https:public.example", "//public.example", "public.example",
    "/path", "127.0.0.1", "https:\\\\public.example", " https://public.example", "https://public.example ",
    "ht\ntps://public.example", "\x00https://public.example", "https ://public.example", "https;//public.example",
    "https//:public.example",
]  # fmt: skip
"""Two readers might find two hosts in one of these, or none."""

OTHER_WAYS = [
    "http://public.example/", "HTTP://public.example/", "ftp://public.example/", "gopher://127.0.0.1:6379/_INFO",
    "file://public.example/etc/passwd", "dict://public.example:443/", "ldap://public.example/", "ws://public.example/",
    "wss://public.example/", "smb://public.example/", "javascript://public.example/", "data://public.example/",
    "https://public.example:22/", "https://public.example:6379/", "https://public.example:80/", "https://8.8.8.8:444/",
    "https://public.example:4430/", "https://public.example:8443/", "https://public.example:0444/",
    "httpss://public.example/",
]  # fmt: skip

FINE = {
    "https://public.example": "https://public.example/",
    "HTTPS://Public.Example/Path?a=b": "https://public.example/Path?a=b",
    "https://public.example.": "https://public.example/",
    "https://public.example.:443/x": "https://public.example/x",
    "https://public.example:0443/": "https://public.example/",
    "https://public.example?page[size]=5": "https://public.example?page[size]=5",
    "https://public.example/@127.0.0.1/": "https://public.example/@127.0.0.1/",
    "https://public.example/?next=http://127.0.0.1/": "https://public.example/?next=http://127.0.0.1/",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://BÜCHER.example/": "https://xn--bcher-kva.example/",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "https://straße.example/": "https://xn--strae-oqa.example/",
    "https://ｐｕｂｌｉｃ.example/": "https://public.example/",
    "https://公開。example/": "https://xn--55qs47n.example/",
    "https://my_shop.example/": "https://my_shop.example/",
    "https://127.0.0.1.public.example/": "https://127.0.0.1.public.example/",
    "https://localhost.public.example/": "https://localhost.public.example/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://134744072/": "https://8.8.8.8/",
    "https://0x8.8.2056/": "https://8.8.8.8/",
    "https://010.010.010.010/": "https://8.8.8.8/",
    "https://⑧.8.８.8/": "https://8.8.8.8/",
    "https://[2606:4700:4700:0::1111]:443/": "https://[2606:4700:4700::1111]/",
}
"""Address → the same, written plainly."""
