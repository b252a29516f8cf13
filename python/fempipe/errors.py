"""The exceptions of fempipe. Each message names the file, key or argument at fault and says what would be right.

Not converging is none of them: `fempipe.solve` reports it in its outcome. Ctrl-C raises `KeyboardInterrupt`.
"""


class Error(Exception):
    """Whatever goes wrong in fempipe."""


class IoError(Error, OSError):
    """The operating system refused to read or write a file."""


class NotFoundError(IoError, FileNotFoundError):
    """There is no such file."""


class FileError(Error, ValueError):
    """A file that is not what it should be: no dataset, truncated, altered, no run directory."""


class RecipeError(Error, ValueError):
    """A recipe with an unknown key, a value of the wrong type or out of its range."""


class ArgumentError(Error, ValueError):
    """An argument out of its range, or two that do not go together."""


class ShapeError(Error, ValueError):
    """Two things whose sizes must agree do not."""


class UnsuitableError(Error, ValueError):
    """A system of another kind than a method or model is for, e.g. an indefinite A for `cg`."""


class PredictionError(Error, TypeError):
    """A model predicts something else than was asked for."""


class NumericError(Error, ArithmeticError):
    """A computation that broke down: entries that are not finite, a factorisation of a singular matrix."""


class InternalError(Error, RuntimeError):
    """A bug of fempipe: please report it, with the message on standard error."""
