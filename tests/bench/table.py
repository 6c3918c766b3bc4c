"""Figures by row and subject, as a table and as JSON."""
import json
import statistics


def short(value):
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values):
    middle = short(statistics.median(values))
    if len(values) < 2:
        return middle
    return f"{middle} ({short(min(values))}..{short(max(values))})"


class Row:
    def __init__(self, title, unit):
        self.title, self.unit = title, unit
        self.values = {}  # by subject, in the order of rounds

    def ratio(self, subject, other):
        """Of those that were measured in the same round: [median, least, most]."""
        pairs = [(a, b) for a, b in zip(self.values.get(subject, ()),
                                        self.values.get(other, ())) if b]
        if not pairs:
            return None
        ratios = [a / b for a, b in pairs]
        return [statistics.median(ratios), min(ratios), max(ratios)]


class Table:
    def __init__(self, subjects):
        self.subjects = subjects
        self.rows = {}
        self.errors = []

    def add(self, title, unit, subject, value):
        row = self.rows.setdefault(title, Row(title, unit))
        row.values.setdefault(subject, []).append(value)

    def error(self, text):
        self.errors.append(text)

    def floors(self, row):
        return [name for name in row.values if name not in self.subjects]

    def lines(self):
        first, *others = self.subjects
        heads = ["", "unit", *self.subjects,
                 *(f"{other}/{first}" for other in others), "floor", "of floor"]
        cells = [self.cells(row, first, others) for row in self.rows.values()]
        widths = [max(len(line[i]) for line in [heads, *cells])
                  for i in range(len(heads))]
        for line in [heads, ["-" * width for width in widths], *cells]:
            yield " | ".join(cell.ljust(width) for cell, width
                             in zip(line, widths)).rstrip()
        for error in self.errors:
            yield f"ERROR: {error}"

    def cells(self, row, first, others):
        floors = self.floors(row)
        floor = floors[0] if floors else None
        line = [row.title, row.unit]
        line += [spread(row.values[name]) if name in row.values else "-"
                 for name in self.subjects]
        for other in others:
            line.append(times(row.ratio(other, first)))
        line.append(f"{spread(row.values[floor])} {floor}" if floor else "-")
        line.append(times(row.ratio(first, floor)))
        return line

    def write_json(self, path):
        rows = [{"title": row.title, "unit": row.unit, "values": row.values,
                 "floors": self.floors(row),
                 "ratios": {f"{a}/{b}": row.ratio(a, b)
                            for a in row.values for b in row.values if a != b}}
                for row in self.rows.values()]
        with open(path, "w") as out:
            json.dump({"subjects": self.subjects, "rows": rows,
                       "errors": self.errors}, out, indent=1)


def times(ratio):
    if ratio is None:
        return "-"
    middle, least, most = (f"{r:.2f}" if r < 10 else f"{r:.0f}" for r in ratio)
    return middle if least == most else f"{middle} ({least}..{most})"
