"""What the demo returns, and what Ctrl-C does to it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from cdc.cli.app import main
from cdc.cli.demo.command import Interruption, _report
from cdc.cli.demo.plain import PlainDisplay
from cdc.testing.shop.ledger import Comparison


@pytest.mark.parametrize(
    "counts", [{}, {"missing": 1}, {"duplicated": 1}, {"foreign": 1}], ids=lambda counts: next(iter(counts), "exact")
)
def test_the_comparison_decides_the_exit_code_and_comes_last(capsys, counts):
    comparison = Comparison(5, 5, **counts, examples=("something",) if counts else ())
    assert _report(comparison, PlainDisplay()) == len(counts)
    assert capsys.readouterr().out.splitlines() == [*comparison.examples, comparison.line()]


async def test_the_first_signal_closes_an_open_shop_and_the_second_cancels():
    interruption = Interruption(PlainDisplay())
    demo: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    interruption.shop_is_open = True
    interruption.handle(demo)
    assert interruption.closing.is_set()
    assert not demo.cancelled()
    interruption.handle(demo)
    assert demo.cancelled()


async def test_a_signal_before_the_shop_is_open_cancels():
    demo: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    Interruption(PlainDisplay()).handle(demo)
    assert demo.cancelled()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "soon"], "'soon' is no duration"),
        (["--rate", "0"], "a rate of 0 transactions a second is not possible"),
    ],
)
def test_unusable_options_are_one_sentence_and_exit_code_2(capsys, monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "argv", ["cdc-stream", "demo", *arguments])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith(f"cdc-stream: {said}. ")
