"""What a seed decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random


@dataclass
class Chance:
    """What a seed decides; `calm` is when nothing goes wrong any more."""

    random: Random
    calm: bool = False

    def happens(self, probability: float) -> bool:
        return not self.calm and self.random.random() < probability

    async def pause(self, mean: float = 0.05) -> None:
        await asyncio.sleep(self.random.expovariate(1 / mean) if self.random.random() < 0.9 else 0)
