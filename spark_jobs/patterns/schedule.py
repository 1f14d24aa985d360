"""The schedule of the rules: which version is in force for which lines."""

from dataclasses import dataclass, replace

from spark_jobs.patterns.rules import RuleSet

# The version of rules that are not published anywhere: those of a replay with `--rules`.
UNPUBLISHED = -1


@dataclass(frozen=True)
class Adoption:
    """A version of the rules, in force for chunks that end beyond `from_line` until another one is."""

    version: int
    from_line: int
    rule_set: RuleSet


@dataclass(frozen=True)
class Rules:
    """The rules in force, line by line, and how they are reported.

    Attributes:
        rule_set: in force until the first adoption.
        every_chunk: report after each chunk that touches the subject of a pattern that holds, instead of once.
        version: of `rule_set`: 0, or `UNPUBLISHED`.
        adopted: in order of version and of line.
    """

    rule_set: RuleSet
    every_chunk: bool
    version: int = 0
    adopted: tuple[Adoption, ...] = ()

    def at(self, end: int) -> tuple[int, RuleSet]:
        """Return version and rules for the chunk that ends at line `end`."""
        for adoption in reversed(self.adopted):
            if adoption.from_line < end:
                return adoption.version, adoption.rule_set
        return self.version, self.rule_set

    def with_adoption(self, adoption: Adoption) -> "Rules":
        """Return these rules with another adoption, later than all others."""
        return replace(self, adopted=(*self.adopted, adoption))

    @property
    def newest(self) -> Adoption:
        """The last adoption."""
        return self.adopted[-1] if self.adopted else Adoption(self.version, 0, self.rule_set)
