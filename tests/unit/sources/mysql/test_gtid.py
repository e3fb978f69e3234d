"""Text of GTID sets: what the manual allows, and what is refused."""

from __future__ import annotations

import pytest

from cdc.errors import ConfigError, DecodeError
from cdc.sources.mysql.binlog.gtid import Gtid, GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid, MariaDbGtidSet

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
B = "a0000000-71ca-11e1-9e33-c80aa9429562"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (" \n", ""),
        (f"{A}:1", f"{A}:1"),
        (f"{A}:7:1-3:4:9-8", f"{A}:1-4:7"),
        (f"{B}:1,{A}:1,{A}:2", f"{A}:1-2,{B}:1"),
        (f"{A}:1:Tag:5-6:7:b:1", f"{A}:1:b:1:tag:5-7"),
        (f"{A}:tag:1, {A}:2", f"{A}:2:tag:1"),
        ("{" + A.upper() + "}:1,", f"{A}:1"),
        (A.replace("-", "") + ":1", f"{A}:1"),
    ],
)
def test_text_becomes_canonical(text, canonical):
    assert str(GtidSet.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense", "nonsense"),
        (A, "no number"),
        (f"{A}:0", "'0'"),
        (f"{A}:1-", "'1-'"),
        (f"{A}:-1", "'-1'"),
        (f"{A}:9223372036854775807", "9223372036854775807"),
        (f"{A}:{'x' * 33}:1", "neither"),
        (f"{A}:1;{B}:1", "neither"),
        ("0-1-100", "not a UUID"),
    ],
)
def test_malformed_text_is_named_with_the_remedy(text, named):
    with pytest.raises(ConfigError, match="malformed") as caught:
        GtidSet.parse(text)
    assert named in str(caught.value)
    assert "@@gtid_executed" in caught.value.remedy


def test_one_transaction_is_read_and_printed():
    assert str(Gtid.parse(f"{A}:tag:7")) == f"{A}:tag:7"
    assert Gtid.parse(f"{A}:7") == Gtid(A, "", 7)
    with pytest.raises(ConfigError, match="one transaction"):
        Gtid.parse(f"{A}:7-8")


def test_the_wire_form_is_the_servers():
    plain = GtidSet.parse(f"{A}:1-3:5")
    uuid = A.replace("-", "")
    assert plain.encode().hex() == f"0100000000000000{uuid}02{'00' * 7}01{'00' * 7}04{'00' * 7}05{'00' * 7}06{'00' * 7}"
    tagged = GtidSet.parse(f"{A}:ab:1")
    assert tagged.encode().hex() == f"0101000000000001{uuid}046162" + "".join(f"0{n}{'00' * 7}" for n in (1, 1, 2))


@pytest.mark.parametrize(
    "data", ["0000000000000002", "000000000000000000", "0100000000000000" + "00" * 16 + "01" + "00" * 23]
)
def test_wrong_bytes_are_told(data):
    with pytest.raises(DecodeError):
        GtidSet.decode(bytes.fromhex(data))


def test_a_hundred_thousand_gaps_cost_no_time():
    whole = GtidSet.decode(GtidSet.parse(f"{A}:" + ":".join(str(2 * n) for n in range(1, 100_000))).encode())
    for number in range(1, 100_000):
        whole.add(Gtid(A, "", 300_000 + number))
    assert (whole - whole).count() == 0
    assert (whole | whole).count() == whole.count() == 199_998
    assert str(GtidSet.parse(str(whole))) == str(whole)


@pytest.mark.parametrize("text", ["1-2", "1-2-3-4", "0-1-x", "4294967296-1-1", f"{A}:1", "0-1-1,", "0-1-1,0-2-3"])
def test_malformed_positions_of_mariadb_are_named_with_the_remedy(text):
    with pytest.raises(ConfigError) as caught:
        MariaDbGtidSet.parse(text)
    assert "gtid_binlog_pos" in caught.value.remedy


def test_a_position_of_mariadb_moves_on_only():
    position = MariaDbGtidSet.parse("1-1-20, 0-1-100")
    position.add(MariaDbGtid(0, 2, 101))
    position.add(MariaDbGtid(1, 2, 19))
    assert str(position) == "0-2-101,1-1-20"


def test_sources_are_kept_by_their_uuid():
    whole = GtidSet.parse(f"{A}:1-3:t:4,{B}:5")
    assert str(whole.restricted(lambda uuid: uuid == A)) == f"{A}:1-3:t:4"
