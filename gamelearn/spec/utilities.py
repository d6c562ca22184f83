"""What a spec maximises: terms, each a formula with its weight and the estimator of its gradient; the rule that derives them; chains of draws.

A utility may be written as one string, a list or a map; here it is brought into one form, each term with the path of its
place in the file. This file is the schema of a utility.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from gamelearn.errors import nearest, quoted
from gamelearn.options import Listed, Mistake, Options, Path, describe, each_valid, misspelt, mistake, mistakes_error, validate_as
from gamelearn.spec.kinds import EstimatorOptions, estimator_options


class Term(Options):
    """One term of a utility: a formula with its weight."""

    term: str
    """`E[chain] log factor`, as in the paper."""
    weight: float = 1.0
    """The factor of the term in the utility."""
    draws: Literal["constant"] | None = None
    """`constant`: the owner's own draws in the chain are meant to be constants of its gradient."""
    gradient: Annotated[SerializeAsAny[EstimatorOptions] | None, BeforeValidator(estimator_options)] = None
    """The estimator of the gradient through the draws that depend on the owner: its name, or a map with its options."""

    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many chains are drawn for each row of the streams (of the batch, where there is none); the term is the mean over them."""
    weights: str | None = None
    """`log decoder(x, z) - log encoder(z | x)`: the chains of a row are weighted by the softmax of this score, without gradient."""

    @model_validator(mode="after")
    def _weights_fit(self) -> "Term":
        if self.weights is not None and self.samples == 1:
            raise mistakes_error(
                [Mistake(("weights",), "weights are relative to other samples of a row: give 'samples', at least 2", on_key=True)]
            )
        if self.weights is not None and self.gradient and not self.gradient.redraws:
            what = f"{self.gradient.type!r} takes each sample's own utility, without 'weights': take an estimator that draws again, or no 'gradient'"
            raise mistakes_error([Mistake(("weights",), what, on_key=True)])
        return self

    @model_validator(mode="after")
    def _one_gradient(self) -> "Term":
        if self.draws and self.gradient:
            raise mistakes_error([Mistake(("draws",), "'draws: constant' and 'gradient' exclude each other", on_key=True)])
        return self


class NamedTerm(Options):
    """A term with its name in the utility and its place below it."""

    name: str
    path: Path
    term: Term


def _terms(value: Any) -> tuple[NamedTerm, ...]:
    if isinstance(value, str) or (isinstance(value, dict) and _is_term(value)):
        return (NamedTerm(name="0", path=(), term=_term(value)),)
    if isinstance(value, list):
        items: list[tuple[str | int, Any]] = list(enumerate(value))
    elif isinstance(value, dict):
        items = list(value.items())
    else:
        raise mistake(f"expected a formula, a list of formulas or a map of named ones, got {describe(value)}")
    if not items:
        raise mistake("a utility has at least one term")
    terms, found = each_valid([((key,), item) for key, item in items], _named_term)
    if found:
        raise mistakes_error(found)
    return tuple(terms)


def _is_term(value: dict[Any, Any]) -> bool:
    """Whether a map is one term, its key `term` perhaps misspelt, and no map of named terms."""
    known = Term.keys()
    return "term" in value or (any(key in value for key in known) and bool(misspelt("term", value, "")))


def named_terms(formulas: tuple[str, ...]) -> tuple[NamedTerm, ...]:
    """Return formulas as the terms of a utility, as if they were written as a list."""
    return _terms(list(formulas))


def _named_term(path: Path, value: Any) -> NamedTerm:
    return NamedTerm(name=str(path[0]), path=path, term=_term(value))


def _term(value: Any) -> Term:
    return validate_as(Term, {"term": value} if isinstance(value, str) else value)


Utility = Annotated[tuple[NamedTerm, ...], BeforeValidator(_terms)]


class Derive(Options):
    """How the utilities that are not written are derived from the players, the streams and the samplers."""

    rule: Literal["symmetric", "none"] = "symmetric"
    """`symmetric`: each player's likelihood on rows that the others complete or generate; `none`: every utility is written."""
    factors: Listed[str] | None = None
    """The factors that the rule uses, such as `encoder(z | x)`, beside those of players without parameters; by default all of them."""
    consistency: bool = False
    """Whether terms are added in which another player draws an observed variable again (eqs 18a, 18b, 40, 41)."""

    @model_validator(mode="after")
    def _has_factors(self) -> "Derive":
        if self.factors is not None and not self.factors:
            raise mistake("expected at least one factor, such as 'encoder(z | x)'", path=("factors",))
        return self


def _derive(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    rules = get_args(Derive.model_fields["rule"].annotation)
    if value not in rules:
        raise mistake(f"unknown rule {value!r}; known: {quoted(rules)}", nearest(value, rules))
    return validate_as(Derive, {"rule": value})


Derived = Annotated[Derive, BeforeValidator(_derive)]


def is_deriving(derive: Derive | None) -> bool:
    """Return whether a rule derives anything."""
    return derive is not None and derive.rule != "none"


class ChainPiece(Options):
    """A piece of a chain of draws with its place below the chain."""

    path: Path
    text: str


def _chain(value: Any) -> tuple[ChainPiece, ...]:
    if isinstance(value, str):
        return (ChainPiece(path=(), text=value),)
    if not isinstance(value, list) or not value:
        raise mistake(f"expected a chain of draws, such as 'decoder(x, z)', got {describe(value)}")
    wrong = [(index, item) for index, item in enumerate(value) if not isinstance(item, str)]
    if wrong:
        raise mistakes_error(Mistake((index,), f"expected a draw, got {describe(item)}") for index, item in wrong)
    return tuple(ChainPiece(path=(index,), text=item) for index, item in enumerate(value))


Chain = Annotated[tuple[ChainPiece, ...], BeforeValidator(_chain)]
