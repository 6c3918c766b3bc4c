"""Exceptions as workers tell them, and the class of each by hand."""
from decode import UNFIT

TRACEBACK = """Traceback (most recent call last):
  File "/app/tasks.py", line 12, in run
    raise_it()
{}
"""

# What repr() says, the last line of the traceback, and the class: from both,
# from the first alone. With the traceback alone it is that of its last line.
FORMS = [
    ("ValueError('x')", "ValueError: x", "ValueError", "ValueError"),
    ("KeyError('x')", None, "KeyError", "KeyError"),
    ("SoftTimeLimitExceeded()", "billiard.SoftTimeLimitExceeded: "
     "SoftTimeLimitExceeded()", "SoftTimeLimitExceeded",
     "SoftTimeLimitExceeded"),
    ("NotRegistered('tasks.gone')", None, "NotRegistered", "NotRegistered"),
    ("Ünicode('ß')", "app.Ünicode: ß", "Ünicode", "Ünicode"),
    # Only from here on the Python exporter says UnknownException.
    ("requests.exceptions.HTTPError('404')",
     "requests.exceptions.HTTPError: 404", "HTTPError", "HTTPError"),
    ("<NoRepr boom>", "app.NoRepr: boom", "NoRepr", "NoRepr"),
    ("(psycopg2.OperationalError) no route",
     "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) no route",
     "OperationalError", "UnknownException"),
    ("2 validation errors for Model\nname\n  field required",
     "pydantic.error_wrappers.ValidationError: 2 validation errors for Model\n"
     "name\n  field required", "ValidationError", "UnknownException"),
    ("it \"quotes\" and \\ escapes \u0000 \ud83d",
     "app.Odd: it \"quotes\"", "Odd", "UnknownException"),
    ("Bare", "app.Bare", "Bare", "UnknownException"),
    ("will be tried again", "celery.exceptions.Retry: Retry in 3s: "
     "TimeoutError('x')", "TimeoutError", "UnknownException"),
    ("", "", "UnknownException", "UnknownException"),
    # It does say this one, but it is a wrapper.
    ("ExceptionWithTraceback()", "app.Wrapped: x", "Wrapped",
     "UnknownException"),
]


def traceback_of(last_line):
    return None if last_line is None else TRACEBACK.format(last_line)


def known_classes():
    classes = {(None, None): "UnknownException"}
    for exception, last_line, both, alone in FORMS:
        exception = UNFIT.sub("\ufffd", exception)
        traceback = traceback_of(last_line)
        classes[exception, traceback] = both
        classes[exception, None] = alone
        classes.setdefault((None, traceback), both)
    return classes


CLASSES = known_classes()


def class_of(exception, traceback):
    return CLASSES[exception, traceback]
