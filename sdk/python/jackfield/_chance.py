"""Lets `random` follow from the decision. This module comes before the author's, who may take its functions by name."""

import os
import random


class _Drawn(random.Random):
    """Is seeded anew for each decision, but only when something is drawn: seeding takes longer than a short decision does."""

    def begin(self):
        self._waits = True
        self.gauss_next = None

    def _draw(self):
        if self._waits:
            self.seed(os.urandom(16))

    def seed(self, *seed, **how):
        self._waits = False
        super().seed(*seed, **how)

    def random(self):
        self._draw()
        return super().random()

    def getrandbits(self, k):
        self._draw()
        return super().getrandbits(k)

    def getstate(self):
        self._draw()
        return super().getstate()

    def setstate(self, state):
        self._waits = False
        super().setstate(state)


_drawn = _Drawn()
for _name in random.__all__:
    if getattr(getattr(random, _name), "__self__", None) is random._inst:
        setattr(random, _name, getattr(_drawn, _name))
random._inst = _drawn

#: To be called when a decision begins.
begin = _drawn.begin
