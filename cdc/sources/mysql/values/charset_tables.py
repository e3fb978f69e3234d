"""What the character sets of MySQL and MariaDB are: the collations that have them, and how they differ from Python's codecs.

Read from MySQL 9.7 and MariaDB 10.11, whose mappings are the same; `tests/integration/test_mysql_charsets.py` compares every character.
"""

from __future__ import annotations

Runs = dict[int, str]
"""Characters for successive codes, by the first code; U+FFFF stands for none."""

COLLATIONS: dict[str, str] = {
    "armscii8": "32 64 1056 1088",
    "ascii": "11 65 1035 1089",
    "big5": "1 84 1025 1108",
    "binary": "63",
    "cp1250": "26 34 44 66 99 1050 1090",
    "cp1251": "14 23 50-52 1074-1075",
    "cp1256": "57 67 1081 1091",
    "cp1257": "29 58-59 1082-1083",
    "cp850": "4 80 1028 1104",
    "cp852": "40 81 1064 1105",
    "cp866": "36 68 1060 1092",
    "cp932": "95-96 1119-1120",
    "dec8": "3 69 1027 1093",
    "eucjpms": "97-98 1121-1122",
    "euckr": "19 85 1043 1109",
    "gb18030": "248-250",
    "gb2312": "24 86 1048 1110",
    "gbk": "28 87 1052 1111",
    "geostd8": "92-93 1116-1117",
    "greek": "25 70 1049 1094",
    "hebrew": "16 71 1040 1095",
    "hp8": "6 72 1030 1096",
    "keybcs2": "37 73 1061 1097",
    "koi8r": "7 74 1031 1098",
    "koi8u": "22 75 1046 1099",
    "latin1": "5 8 15 31 47-49 94 1032 1071",
    "latin2": "2 9 21 27 77 1033 1101",
    "latin5": "30 78 1054 1102",
    "latin7": "20 41-42 79 1065 1103",
    "macce": "38 43 1062 1067",
    "macroman": "39 53 1063 1077",
    "sjis": "13 88 1037 1112",
    "swe7": "10 82 1034 1106",
    "tis620": "18 89 1042 1113",
    "ucs2": "35 90 128-151 159 640-642 1059 1114 1152 1174 2560-2727 2744-2759",
    "ujis": "12 91 1036 1115",
    "utf16": "54-55 101-124 672-674 1078-1079 1125 1147 2816-2983 3000-3015",
    "utf16le": "56 62 1080 1086",
    "utf32": "60-61 160-183 736-738 1084-1085 1184 1206 3072-3239 3256-3271",
    "utf8mb3": "33 76 83 192-215 223 576-578 1057 1107 1216 1238 2048-2215 2232-2247",
    "utf8mb4": "45-46 224-247 255-271 273-275 277-294 296-298 300 303-323 608-610 1069-1070 1248 1270 2304-2471 2488-2503",
}
"""The ids of each character set's collations."""

SINGLE_BYTE: dict[str, tuple[str, Runs]] = {
    "armscii8": (
        "latin-1",
        {0xA1: "❁§։)(»«—.՝,-՟…՜՛՞ԱաԲբԳգԴդԵեԶզԷէԸըԹթԺժԻիԼլԽխԾծԿկՀհՁձՂղՃճՄմՅյՆնՇշՈոՉչՊպՋջՌռՍսՎվՏտՐրՑցՒւՓփՔքՕօՖֆ\u2019'"},
    ),
    "ascii": ("ascii", {}),
    "cp1250": ("cp1250", {}),
    "cp1251": ("cp1251", {}),
    "cp1256": (
        "cp1256",
        {
            0x8A: "\uffff",
            0x8F: "\uffff",
            0x98: "\uffff™\uffff",
            0x9F: "\uffff",
            0xAA: "\uffff",
            0xC0: "\uffff",
            0xFF: "\uffff",
        },
    ),
    "cp1257": ("cp1257", {}),
    "cp850": ("cp850", {}),
    "cp852": ("cp852", {}),
    "cp866": ("cp866", {0xFC: "ⁿ²"}),
    "dec8": (
        "latin-1",
        {
            0xA4: "\uffff¥\uffff§¤",
            0xAC: "\uffff\uffff\uffff\uffff",
            0xB4: "\uffff",
            0xB8: "\uffff",
            0xBE: "\uffff",
            0xD0: "\uffff",
            0xD7: "Œ",
            0xDD: "Ÿ\uffff",
            0xF0: "\uffff",
            0xF7: "œ",
            0xFD: "ÿ\uffff\uffff",
        },
    ),
    "geostd8": (
        "cp1252",
        {
            0x83: "\uffff",
            0x88: "\uffff‰\uffff‹\uffff\uffff\uffff",
            0x98: "\uffff\uffff\uffff›\uffff\uffff\uffff\uffff",
            0xC0: "აბგდევზჱთიკლმნჲოპჟრსტჳუფქღყშჩცძწჭხჴჯჰჵ" + "\uffff" * 23 + "№\uffff\uffff",
        },
    ),
    "greek": ("iso8859-7", {0xA1: "\u02bd\u02bc£\uffff\uffff", 0xAA: "\uffff"}),
    "hebrew": ("iso8859-8", {0xAF: "‾"}),
    "hp8": ("hp-roman8", {}),
    "keybcs2": ("cp437", {0x80: "ČüéďäĎŤčěĚĹÍľĺÄÁÉžŽôöÓůÚýÖÜŠĽÝŘť", 0xA4: "ňŇŮÔšřŕŔ"}),
    "koi8r": ("koi8-r", {}),
    "koi8u": ("koi8-u", {0x95: "•"}),
    "latin1": ("cp1252", {0x81: "\x81", 0x8D: "\x8dŽ\x8f\x90", 0x9D: "\x9d"}),
    "latin2": ("iso8859-2", {}),
    "latin5": ("iso8859-9", {}),
    "latin7": ("iso8859-13", {}),
    "macce": ("mac-latin2", {}),
    "macroman": ("mac-roman", {}),
    "swe7": ("ascii", {0x40: "É", 0x5B: "ÄÖÅÜ_é", 0x7B: "äöåü\uffff"}),
    "tis620": ("tis-620", {0xA0: "\ufffd", 0xDB: "\ufffd\ufffd\ufffd\ufffd", 0xFC: "\ufffd\ufffd\ufffd\ufffd"}),
}
"""The Python codec of each single-byte character set, and where the server differs from it. U+FFFD is the server's own."""

MULTI_BYTE: dict[str, tuple[str, Runs]] = {
    "big5": (
        "big5",
        {
            0xA15A: "\ufffd",
            0xA1C3: "\ufffd",
            0xA1C5: "\ufffd",
            0xA1FE: "\ufffd",
            0xA240: "\ufffd",
            0xA2CC: "\ufffd",
            0xA2CE: "\ufffd",
            0xF9D6: "碁銹裏墻恒粧嫺",
        },
    ),
    "cp932": ("cp932", {0x80: "\uffff", 0xA0: "\uffff", 0xFD: "\uffff\uffff\uffff"}),
    "eucjpms": (
        "euc_jp",
        {
            0xA1C1: "～∥",
            0xA1DD: "－",
            0xA1F1: "￠￡",
            0xA2CC: "￢",
            0xADA1: "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ",
            0xADC0: "㍉㌔㌢㍍㌘㌧㌃㌶㍑㍗㌍㌦㌣㌫㍊㌻㎜㎝㎞㎎㎏㏄㎡",
            0xADDF: "㍻〝〟№㏍℡㊤㊥㊦㊧㊨㈱㈲㈹㍾㍽㍼≒≡∫∮∑√⊥∠∟⊿∵∩∪",
            0x8FA2B7: "～",
            0x8FA2C3: "￤",
            0x8FF3F3: "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡ",
            0x8FF4A1: "ⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤﨎咊坙﨏塚增寬峵嵓﨑德悅愠敎昻晥晴朗栁﨓﨔橫櫢淸淲瀨凞猪甁皂皞益礰礼神祥福竧靖精綠緖羽荢﨟薰蘒﨡蠇諸譿賴赶﨣﨤逸郞都鄕﨧﨨閒隆﨩霻靍靑飯飼館馞髙魲鶴黑",
        },
    ),
    "euckr": ("cp949", {}),
    "gb18030": ("gb18030", {0xA8BC: "\u1e3f"}),
    "gb2312": ("gb2312", {}),
    "gbk": ("gbk", {}),
    "sjis": ("shift_jis", {0x815F: "\\"}),
    "ujis": ("euc_jp", {0xA1C0: "\\"}),
}
"""The same of character sets whose characters have up to four bytes; a code is the number that the bytes make, high byte first."""
