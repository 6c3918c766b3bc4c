"""A strict reader of the Prometheus text format 0.0.4."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{(.*)\}})? (\S+)$", re.DOTALL)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
VALUE = re.compile(r"^(NaN|[+-]Inf|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?)$")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


class Page:
    """The samples of one scrape: {(name, frozenset of labels): value}."""

    def __init__(self, text):
        self.text = text
        self.types = {}
        self.helps = {}
        self.samples = {}
        self._order = {}
        self._read(text)
        self._check_histograms()

    def value(self, name, /, **labels):
        """The one sample with exactly these labels, or None."""
        return self.samples.get((name, frozenset(labels.items())))

    def select(self, name, /, **labels):
        """[(labels, value)] of the samples that carry at least these labels."""
        wanted = set(labels.items())
        return [(dict(pairs), value) for (n, pairs), value
                in self.samples.items() if n == name and wanted <= pairs]

    def sum(self, name, /, **labels):
        return sum(value for _, value in self.select(name, **labels))

    def values_of(self, label):
        """Every value that this label has anywhere."""
        return {v for _, pairs in self.samples for k, v in pairs if k == label}

    def family(self, sample_name):
        for suffix in ("", "_bucket", "_count", "_sum"):
            name = sample_name[:len(sample_name) - len(suffix)]
            if sample_name.endswith(suffix) and name in self.types and (
                    not suffix or self.types[name] == "histogram"):
                return name
        raise AssertionError(f"sample without a TYPE: {sample_name}")

    def _read(self, text):
        assert text.endswith("\n") or not text
        current, closed = None, set()
        for line in text.split("\n")[:-1]:
            if line.startswith("# "):
                keyword, name, rest = (line[2:].split(" ", 2) + [""])[:3]
                assert keyword in ("HELP", "TYPE"), line
                into = self.helps if keyword == "HELP" else self.types
                assert name not in into, f"said twice: {line}"
                assert keyword == "HELP" or rest in TYPES, line
                into[name] = rest
                family = name
            else:
                family = self.family(self._sample(line))
            if family != current:
                assert family not in closed, f"family in pieces: {line}"
                closed.add(current)
                current = family
        assert self.helps.keys() == self.types.keys()

    def _sample(self, line):
        match = SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        name, label_text, value = match.groups()
        assert VALUE.match(value), f"no number: {line!r}"
        pairs = list(self._labels(label_text or "", line))
        names = [key for key, _ in pairs]
        assert names == sorted(set(names)), f"labels not in order: {line!r}"
        key = (name, frozenset(pairs))
        assert key not in self.samples, f"sample twice: {line!r}"
        self.samples[key] = float(value)
        return name

    @staticmethod
    def _labels(text, line):
        at = 0
        while at < len(text):
            match = LABEL.match(text, at)
            assert match, f"broken labels: {line!r}"
            key, value, _ = match.groups()
            yield key, re.sub(r"\\.", lambda m: ESCAPES[m.group()], value)
            at = match.end()

    def _check_histograms(self):
        for name, kind in self.types.items():
            if kind == "histogram":
                self._check_histogram(name)

    def _check_histogram(self, name):
        children = {}
        for labels, value in self.select(name + "_bucket"):
            bound = labels.pop("le")
            assert re.match(r"^(\+Inf|\d+\.\d+(e[+-]\d+)?)$", bound), bound
            children.setdefault(frozenset(labels.items()), []).append(
                (float(bound), value))
        for pairs, buckets in children.items():
            counts = [value for _, value in sorted(buckets)]
            assert counts == sorted(counts), f"{name}: buckets fall"
            assert sorted(buckets)[-1][0] == float("inf"), name
            assert counts[-1] == self.samples[(name + "_count", pairs)]
            assert (name + "_sum", pairs) in self.samples
