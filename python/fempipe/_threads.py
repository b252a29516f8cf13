"""How many threads work."""

from . import _fempipe


def get_num_threads() -> int:
    """Return the number of threads that fempipe works on; by default as many as there are cores."""
    return _fempipe.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Set the number of threads that fempipe works on from now on; results do not depend on it.

    Parameters
    ----------
    threads : int
        From 1 to 1024.

    Raises
    ------
    ArgumentError
        If it is not.
    """
    _fempipe.set_num_threads(threads)
