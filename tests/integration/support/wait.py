"""Waiting for a condition, never for a length of time."""
import time


def wait_until(condition, timeout=10.0, what=""):
    """Returns the first true value of condition(); fails after timeout seconds
    with `what` (a text, or a function that says what is there instead)."""
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            said = what() if callable(what) else what or condition.__name__
            raise AssertionError(f"not within {timeout} s: {said}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def stays(condition, seconds, what=""):
    """Fails as soon as the condition is false within that time: for what must
    not happen, where nothing can be waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what or "it did not stay"
        time.sleep(0.02)
