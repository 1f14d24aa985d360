"""The grammar of conditions: two operands and an operator, parsed into data.

Evaluation, evidence, the page and the reference all follow from the parsed form; nothing is ever `eval`ed.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from spark_jobs.patterns.measures import MEASURES, Subject

OPERATORS = (">", ">=", "<", "<=")

_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_TOKEN = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>>=|<=|[<>.(),])"
)


@dataclass(frozen=True)
class Number:
    """A constant; it fits any unit."""

    value: float


@dataclass(frozen=True)
class Measured:
    """A measure of the pair, or of the merchant."""

    subject: Subject
    name: str


@dataclass(frozen=True)
class Percentile:
    """Percentile `q` (0 to 100) of a measure of pairs over the merchant's customers that have the value."""

    name: str
    q: float


Operand = Number | Measured | Percentile


@dataclass(frozen=True)
class Condition:
    """A comparison in a pattern of `subject`; `left` is never a number."""

    subject: Subject
    left: Measured | Percentile
    operator: str
    right: Operand

    @property
    def text(self) -> str:
        """The canonical text, which parses to this condition: the key of its evidence."""
        return f"{operand_text(self.left, self.subject)} {self.operator} {operand_text(self.right, self.subject)}"

    @property
    def unit(self) -> str:
        """The unit of both sides."""
        return _unit(self.left)


class ConditionError(ValueError):
    """Raised when a text is not a condition; `column` counts from 1."""

    def __init__(self, problem: str, column: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.column = column


def parse_condition(text: str, subject: Subject) -> Condition:
    """Parse a condition of a pattern of `subject`; a number on the left moves to the right.

    Raises:
        ConditionError: the text is not a condition; says what is allowed.
    """
    return _Parser(text, subject).condition()


def operand_text(operand: Operand, subject: Subject) -> str:
    """Return the canonical text of an operand in a pattern of `subject`."""
    match operand:
        case Number(value):
            return _number_text(value)
        case Percentile(name, q):
            return f"percentile({name}, {_number_text(q)})"
        case Measured(of, name):
            return name if of is subject else f"{of}.{name}"


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `, did you mean …?` for the most similar name, or "" if none is similar."""
    close = get_close_matches(name, list(names), 1, 0.5)
    return f", did you mean {close[0]}?" if close else ""


class _Parser:
    """A recursive descent over the tokens of one condition, each with its kind and column."""

    def __init__(self, text: str, subject: Subject) -> None:
        self._subject = subject
        self._tokens = list(_tokens(text))
        self._at = 0

    def condition(self) -> Condition:
        start = self._column
        left = self._operand()
        operator = self._take("an operator", OPERATORS)
        right = self._operand()
        if self._kind != "end":
            raise self._error(f"expected the end of the condition, found {self._text!r}; write one comparison a string")
        if isinstance(left, Number):
            if isinstance(right, Number):
                msg = f"both sides are numbers; {self._allowed()}"
                raise ConditionError(msg, start)
            left, operator, right = right, _FLIPPED[operator], left
        if not isinstance(right, Number) and _unit(left) != _unit(right):
            sides = (f"{operand_text(side, self._subject)} {_unit_phrase(_unit(side))}" for side in (left, right))
            msg = f"the units differ: {' and '.join(sides)}; compare measures of one unit, or with a number"
            raise ConditionError(msg, start)
        return Condition(self._subject, left, operator, right)

    def _operand(self) -> Operand:
        kind, text, column = self._tokens[self._at]
        if kind == "number":
            return Number(self._number())
        if kind != "name":
            found = "the condition ends" if kind == "end" else f"found {text!r}"
            raise self._error(f"expected an operand, {found}; {self._allowed()}")
        self._at += 1
        if text == "percentile" and self._text == "(":
            return self._percentile()
        if text == "merchant" and self._text == ".":
            self._at += 1
            return Measured(Subject.MERCHANT, self._measure(Subject.MERCHANT, "merchant."))
        names = MEASURES[self._subject]
        if text not in names:
            similar = suggestion(text, [*names, *(f"merchant.{name}" for name in MEASURES[Subject.MERCHANT])])
            msg = f"unknown measure {text!r}{similar or ';'} {self._allowed()}"
            raise ConditionError(msg, column)
        return Measured(self._subject, text)

    def _percentile(self) -> Percentile:
        self._take("(", "(")
        name = self._measure(Subject.PAIR, "")
        self._take("a comma", ",")
        column = self._column
        q = self._number()
        if not 0 <= q <= 100:
            msg = f"percentile {_number_text(q)} is not between 0 and 100"
            raise ConditionError(msg, column)
        self._take("a closing parenthesis", ")")
        return Percentile(name, q)

    def _measure(self, subject: Subject, prefix: str) -> str:
        text, names = self._text, MEASURES[subject]
        if text not in names:
            similar = suggestion(text, names)
            allowed = ", ".join(prefix + name for name in names)
            raise self._error(f"unknown measure {prefix}{text} of a {subject}{similar or ';'} allowed are {allowed}")
        self._at += 1
        return text

    def _number(self) -> float:
        if self._kind != "number":
            raise self._error(f"expected a number, found {self._text!r}")
        value = float(self._text)
        if not math.isfinite(value):
            raise self._error(f"{self._text} is too large for a number")
        self._at += 1
        return value

    def _take(self, expected: str, texts: Iterable[str]) -> str:
        text = self._text
        if self._kind != "sign" or text not in texts:
            raise self._error(f"expected {expected} ({' '.join(texts)}), found {text!r}")
        self._at += 1
        return text

    def _allowed(self) -> str:
        own, merchants = MEASURES[self._subject], MEASURES[Subject.MERCHANT]
        names = [*own, *(f"merchant.{name}" for name in merchants if self._subject is Subject.PAIR)]
        pairs = ", ".join(MEASURES[Subject.PAIR])
        return f"allowed are a number, {', '.join(names)}, and percentile(MEASURE, Q) with MEASURE one of {pairs}"

    def _error(self, problem: str) -> ConditionError:
        return ConditionError(problem, self._column)

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    @property
    def _column(self) -> int:
        return self._tokens[self._at][2]


def _tokens(text: str) -> Iterable[tuple[str, str, int]]:
    at = 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        if at == len(text):
            yield "end", "", at + 1
            return
        found = _TOKEN.match(text, at)
        if found is None:
            msg = f"unexpected {text[at]!r}; the operators are {' '.join(OPERATORS)}"
            raise ConditionError(msg, at + 1)
        yield str(found.lastgroup), found[0], at + 1
        at = found.end()


def _unit(operand: Measured | Percentile) -> str:
    subject = operand.subject if isinstance(operand, Measured) else Subject.PAIR
    return MEASURES[subject][operand.name].unit


def _unit_phrase(unit: str) -> str:
    return f"is in {unit}" if unit else "has no unit"


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
