"""Plans: what is one step, what is computed again, and what a phase keeps for the next. This file reads compiled rounds."""

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import ChooseStep, ColumnStep, DrawStep, EvaluateStep, LogStep, Plan, Step, needs_of, outputs_of
from tests.graph.test_factors import LADDER
from tests.support import graph_of


def plan_of(text: str, *, mode: str = "sequence", order: str = "", share: bool = True) -> Plan:
    schedule = f"    schedule: {{mode: {mode}{', order: ' + order if order else ''}}}\n"
    return make_plan(graph_of(text.rstrip() + "\n" + schedule), "main", share=share)


def steps_of(plan: Plan) -> list[Step]:
    steps = [step for phase in plan.phases for step in phase.completion]
    return steps + [step for turn in plan.turns for step in turn.steps]


def draws(plan: Plan) -> list[DrawStep]:
    return [step for step in steps_of(plan) if isinstance(step, DrawStep)]


PAIR = """
    name: pair
    variables: {x: {type: binary}, z: {type: binary}}
    data: {streams: {images: [x], codes: [z]}}
    players:
      decoder: {factors: {z: uniform, x | z: {net: mlp}}}
      encoder: {factors: {z | x: {net: mlp}}}
    utilities:
      decoder: DECODER
      encoder: ENCODER
    train: {rounds: 1}
    """


def pair(
    decoder: str = "E[images(x), encoder(z | x)] log decoder(x | z)", encoder: str = "E[codes(z), decoder(x | z)] log encoder(z | x)"
) -> str:
    return PAIR.replace("DECODER", decoder).replace("ENCODER", encoder)


# --- one ladder, shared and unshared


@pytest.mark.parametrize(("mode", "shared", "apart"), [("sequence", 7, 10), ("parallel", 7, 10)])
def test_a_ladder_costs_seven_evaluations_and_ten_without_sharing(mode: str, shared: int, apart: int) -> None:
    assert plan_of(LADDER, mode=mode).evaluations == shared
    assert plan_of(LADDER, mode=mode, share=False).evaluations == apart


def test_the_trunk_is_evaluated_once_for_both_its_heads() -> None:
    first = plan_of(LADDER).phases[0]
    trunks = [step for step in first.completion if isinstance(step, EvaluateStep) and step.network == "trunk"]
    assert [(step.heads, step.inputs) for step in trunks] == [(("s0", "s1"), (("x", "images.x"),))]


def test_draws_and_scores_of_a_term_use_the_same_steps() -> None:
    plan = plan_of(
        pair("{all: 'E[images(x), encoder(z | x)] log decoder(x, z)', again: 'E[images(x), encoder(z | x)] log decoder(x | z)'}")
    )
    assert len([step for step in plan.phases[0].completion if isinstance(step, DrawStep)]) == 1
    assert len([step for step in plan.turns[0].steps if isinstance(step, LogStep)]) == 2  # log x | z is one step of both


# --- keys and versions


def test_keys_name_factor_inputs_and_versions() -> None:
    plan = plan_of(LADDER)
    keys = [step.key for step in draws(plan)]
    assert keys == [
        "encoder(z0 | x=images.x)",
        "encoder(z1 | x=images.x, z0=encoder(z0 | x=images.x))",
        "decoder(z0) for default",
        "decoder(z1 | z0=decoder(z0) for default)@decoder1",
        "decoder(x | z1=decoder(z1 | z0=decoder(z0) for default))@decoder1",
    ]
    assert [step.noise for step in draws(plan)][-1] == "decoder(x | z1=decoder(z1 | z0=decoder(z0) for default))"  # noise knows no versions


def test_what_depends_on_a_player_that_has_moved_is_computed_again() -> None:
    plan = plan_of(LADDER, order="[encoder, decoder]")
    again = [step for step in plan.phases[1].completion if isinstance(step, DrawStep)]
    assert [str(step.factor) for step in again] == ["encoder(z0 | x)", "encoder(z1 | z0, x)"]
    assert all(step.key.endswith("@encoder1") for step in again)


def test_a_share_makes_a_draw_depend_on_the_other_player() -> None:
    plan = plan_of(LADDER.replace("E[decoder(x, z)]", "E[decoder(x, z), images(x'), encoder(z' | x')]"))
    (again,) = [step for step in plan.phases[1].completion if isinstance(step, DrawStep) and step.factor.label == "z1 | z0, x"]
    assert again.key.endswith("@decoder1")  # the ladder adds the decoder's scores, and the decoder has moved
    assert not any(step.factor.label == "z0 | x" and "@" in step.key for step in draws(plan))


def test_equal_draws_of_one_chain_are_numbered() -> None:
    plan = plan_of(pair(encoder="E[codes(z), decoder(x | z), decoder(x' | z)] log encoder(z | x) + log encoder(z | x')"))
    keys = [step.key for step in plan.phases[1].completion if isinstance(step, DrawStep)]
    assert keys == ["decoder(x | z=codes.z)@decoder1", "decoder(x | z=codes.z) #2@decoder1"]


def test_equal_draws_of_two_chains_are_one() -> None:
    term = "E[codes(z), decoder(x | z), decoder(x' | z)] log encoder(z | x')"
    plan = plan_of(pair(encoder=f'["{term}", "E[codes(z), decoder(x | z)] log encoder(z | x)"]'))
    assert len([step for step in plan.phases[1].completion if isinstance(step, DrawStep)]) == 2


def test_primes_of_a_stream_are_other_rows() -> None:
    plan = plan_of(pair(decoder="E[images(x, x'), encoder(z | x)] log decoder(x' | z)"))
    columns = [step for step in plan.phases[0].completion if isinstance(step, ColumnStep)]
    assert [(step.variable, step.ordinal) for step in columns] == [("x", 0), ("x", 1)]
    assert next(step for step in plan.turns[0].steps if isinstance(step, LogStep)).value == "images.x'"


def test_draws_without_inputs_are_as_many_as_their_chains_rows() -> None:
    plan = plan_of(
        pair(decoder="E[images(x'), decoder(z)] log decoder(x' | z)", encoder="E[decoder(z), decoder(x | z)] log encoder(z | x)")
    )
    assert [(step.key, step.rows) for step in draws(plan) if step.factor.target == "z"] == [
        ("decoder(z) for images", "images"),
        ("decoder(z) for default", "default"),
    ]


# --- turns and phases


def test_parallel_mode_shares_across_players() -> None:
    text = pair(encoder="{term: 'E[images(x), encoder(z | x)] log encoder(z | x)', draws: constant}")
    assert len(draws(plan_of(text, mode="parallel"))) == 1
    assert len(plan_of(text, mode="parallel").phases) == 1
    assert len(draws(plan_of(text))) == 1  # the encoder has not moved when its turn comes
    assert len(draws(plan_of(text, order="[encoder, decoder]"))) == 2


def test_a_second_turn_takes_other_rows_and_noise() -> None:
    plan = plan_of(pair(), order="[encoder, decoder, encoder]")
    assert plan.repeats == 2
    assert [turn.repeat for turn in plan.turns] == [0, 0, 1]
    third = plan.phases[2].completion
    assert {step.repeat for step in third if isinstance(step, ColumnStep | DrawStep)} == {1}
    assert [step.key for step in third if isinstance(step, ColumnStep)] == ["codes.z~1"]
    assert [step.key for step in third if isinstance(step, DrawStep)] == ["decoder(x | z=codes.z)~1@decoder1"]


def test_turns_of_two_players_share_a_batch() -> None:
    plan = plan_of(pair(encoder="E[images(x), decoder(z)] log encoder(z | x)"))
    assert [step.key for step in steps_of(plan) if isinstance(step, ColumnStep)] == ["images.x"]
    assert plan.repeats == 1
    assert "images.x" in plan.phases[0].keep


def test_phases_keep_what_later_ones_use_and_no_more() -> None:
    for text in (LADDER, pair(), pair(encoder="E[images(x), decoder(z)] log encoder(z | x)")):
        for order in ("[decoder, encoder]", "[encoder, decoder]", "[encoder, decoder, encoder, decoder]"):
            check_is_runnable(plan_of(text, order=order))


def check_is_runnable(plan: Plan) -> None:
    """Run a plan's steps by name alone: what each needs is there, and what is kept is needed later."""
    values: set[str] = set()
    for index, phase in enumerate(plan.phases):
        for step in phase.completion:
            assert set(needs_of(step)) <= values
            values.update(outputs_of(step))
        for turn in phase.turns:
            mine = set(values)
            for step in turn.steps:
                assert set(needs_of(step)) <= mine
                mine.update(outputs_of(step))
            assert {key for term in turn.terms for _, key in term.logs} <= mine
        later = {ref for other in plan.phases[index + 1 :] for step in [*other.completion, *(s for t in other.turns for s in t.steps)] for ref in needs_of(step)}  # fmt: skip
        assert phase.keep == values & later
        values = set(phase.keep)


def test_an_objective_computes_what_its_owner_owns() -> None:
    for turn in plan_of(LADDER).turns:
        assert {step.player for step in turn.steps if isinstance(step, EvaluateStep)} == {turn.player}
    shared = LADDER.replace("log decoder(x, z)", "log decoder(x, z) - log encoder(z | x)")
    turn = plan_of(shared).turns[0]
    assert turn.player == "decoder"
    owned = [step.key for step in turn.steps if isinstance(step, EvaluateStep)]
    assert sum(key.startswith("decoder.z1_given_z0(") for key in owned) == 1  # once for its own score and the ladder's
    assert not any(key.startswith("encoder.") for key in owned)


# --- stability of the names of noise


@pytest.mark.parametrize("mode", ["parallel", "sequence"])
def test_another_term_does_not_change_the_noise_of_the_rest(mode: str) -> None:
    def names(plan: Plan) -> dict[str, tuple[str, int, str]]:
        return {step.key: (step.noise, step.repeat, step.rows) for step in draws(plan)}

    before = names(plan_of(pair(), mode=mode))
    more = """["E[codes(z), images(x'), encoder(z' | x')] log decoder(x' | z)", "E[images(x), encoder(z | x)] log decoder(x | z)"]"""
    after = names(plan_of(pair(decoder=more), mode=mode))
    assert before.keys() < after.keys()
    assert {key: after[key] for key in before} == before


def test_terms_know_their_elements() -> None:
    (decoder, encoder) = (turn.terms[0] for turn in plan_of(LADDER).turns)
    assert (decoder.elements, encoder.elements) == (4 + 2 + 3, 2 + 3)
    assert [sign for sign, _ in decoder.logs] == [1, 1, 1]


CHAIN = """
    name: chain
    variables:
      x: {type: binary, shape: [3]}
      s: {type: binary, shape: [2]}
      z: {type: binary, shape: [2]}
    data: {streams: {pairs: [x, s]}}
    players:
      prior: {factors: {z: uniform}}
      segmenter: {frozen: true, factors: {s | z: {net: mlp, hidden: [4]}, "s | x, z": [segmenter(s | z), {net: mlp, hidden: [4]}]}}
      painter: {frozen: true, factors: {"x | s, z": {net: mlp, hidden: [4]}}}
      encoder: {factors: {"z | x, s": {net: mlp, hidden: [4]}}}
    samplers:
      pair: {start: segmenter(s | z), sweep: "painter(x | s, z), segmenter(s | x, z)", sweeps: 3}
    utilities:
      encoder: ["E[prior(z), pair(x, s | z)] log encoder(z | x, s)", "E[prior(z), pair(x', s' | z)] log encoder(z | x', s')"]
    train: {rounds: 1, batch: 8}
    """


def chain_steps(text: str) -> list[Step]:
    (phase,) = plan_of(text).phases
    return list(phase.completion)


def test_a_call_of_a_sampler_is_its_start_and_all_its_sweeps() -> None:
    steps = chain_steps(CHAIN)
    drawn = [step.title for step in steps if isinstance(step, DrawStep)]
    assert drawn == ["prior(z)", "segmenter(s | z)", *["painter(x | s, z)", "segmenter(s | x, z)"] * 3]
    noises = [step.noise for step in steps if isinstance(step, DrawStep)]
    assert len(set(noises)) == len(noises)


def test_equal_calls_of_a_sampler_are_one_and_two_of_one_chain_are_two() -> None:
    both = CHAIN.replace(
        """["E[prior(z), pair(x, s | z)] log encoder(z | x, s)", "E[prior(z), pair(x', s' | z)] log encoder(z | x', s')"]""",
        """"E[prior(z), pair(x, s | z), pair(x', s' | z)] log encoder(z | x, s) + log encoder(z | x', s')" """,
    )
    draws = [step for step in chain_steps(both) if isinstance(step, DrawStep)]
    assert len(draws) == 1 + 2 * 7
    assert len({step.noise for step in draws}) == len(draws)


def test_what_a_chain_does_not_change_is_evaluated_once() -> None:
    evaluated = [step.title for step in chain_steps(CHAIN) if isinstance(step, EvaluateStep)]
    assert evaluated.count("segmenter.s_given_z") == 1
    assert evaluated.count("painter.x_given_s_z") == 3


@pytest.mark.parametrize(
    ("after", "ends"),
    [("end", "segmenter(s | x, z)"), ("segmenter(s | z, x)", "segmenter(s | x, z)"), ("painter(x | s, z)", "painter(x | s, z)")],
)
def test_a_call_ends_with_the_half_step_that_the_sampler_says(after: str, ends: str) -> None:
    text = CHAIN.replace("sweeps: 3", f'sweeps: 3, after: "{after}"')
    assert [step.title for step in chain_steps(text) if isinstance(step, DrawStep)][-1] == ends


def test_a_mixture_of_half_steps_chooses_alike_for_all_variables() -> None:
    steps = chain_steps(CHAIN.replace("sweeps: 3", "sweeps: 3, after: mixture"))
    (chosen,) = [step for step in steps if isinstance(step, ChooseStep)]  # x is of the last sweep either way
    titles = {step.key: step.title for step in steps}
    assert [titles[ref] for ref in chosen.choices] == ["segmenter(s | x, z)"] * 2
    assert chosen.choices[0] != chosen.choices[1]


def test_without_sharing_every_term_computes_all_its_steps() -> None:
    text = pair(decoder="['E[images(x), encoder(z | x)] log decoder(x, z)', 'E[images(x), encoder(z | x)] log decoder(x | z)']")
    assert len(draws(plan_of(text, share=False))) == 3
    assert len(draws(plan_of(text))) == 2
    noises = [step.noise for step in draws(plan_of(text, share=False))]
    assert noises[0] == noises[1]  # the same numbers, drawn twice


def test_a_graph_without_a_stage_has_no_plan() -> None:
    with pytest.raises(GraphError, match="there is no stage"):
        graph_of(pair()[: pair().index("utilities:")] + "stages: {}\n    train: {rounds: 1}\n")
