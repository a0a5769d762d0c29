"""Write Jackfield plugins in Python.

`plugin.py` defines the functions that its kind exports, for example `def assign(snapshot)` of a routing strategy. The
types of the contract are modules of `wit_world.imports` with short names: `routing.Plan` is the record `plan` of
cx:routing-strategy/types, `details.skills()` the function `skills` of cx:routing-strategy/details, `cx` has what all share.
A function of the host whose result can be an error raises `componentize_py_types.Err`.

What a plugin keeps in variables between two decisions may be there at the next one or not; never rely on it.
"""

import json
import os
import sys
import traceback

from componentize_py_types import Err
from wit_world.imports import clock, cx
from wit_world.imports import config as _config

__all__ = ["PluginError", "config", "now", "Err"]


class PluginError(Exception):
    """An answer "no": the host follows its fail policy and shows code and message to the administrator."""

    def __init__(self, code: str, message: str, retryable: bool = False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable


def config(**defaults):
    """The binding's configuration, over what holds where it says nothing."""
    return {**defaults, **json.loads(_config.get())}


def now() -> int:
    """The decision's moment, in milliseconds since the Unix epoch. `time.time()` says the same in seconds."""
    return clock.now()


def guarded(function, *values):
    """Calls the author's function; what it raises becomes an error of the contract."""
    chance = sys.modules.get("random")
    if chance is not None:
        # The module was begun when the plugin was built; what it says is to follow from the decision.
        chance.seed(os.urandom(16))
    try:
        return function(*values)
    except Err:
        raise
    except PluginError as error:
        raise Err(cx.Error(_text(error.code), _text(str(error)), error.retryable)) from None
    except Exception as error:
        told = "".join(traceback.format_exception(error)[-4:])
        raise Err(cx.Error("exception", _text(told), False)) from None


def _text(text: str) -> str:
    """Half of a surrogate pair is no Unicode, and no text of the contract."""
    return text.encode("utf-8", "replace").decode("utf-8")
