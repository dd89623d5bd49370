"""Accelerated models compute what they computed, and stay what they were."""

import copy
import io
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ptus_kernels import accelerate
from tests.integrations.families import FAMILIES, Family, assert_same, each_family, tensors, total

LIVE_PORTRAIT = next(family for family in FAMILIES if family.name == "LivePortrait")
FIRST_ORDER = next(family for family in FAMILIES if family.name == "first-order-model")


def models(family: Family) -> tuple[nn.Module, nn.Module]:
    """The model, and a copy of it that is accelerated."""
    model = family.model()
    accelerated = copy.deepcopy(model)
    accelerate(accelerated)
    return model, accelerated


@torch.no_grad()
def outputs(model: nn.Module, family: Family) -> Any:
    return model(**family.inputs())


@each_family
def test_blocks_are_recognised(family: Family) -> None:
    report = accelerate(family.model())
    assert Counter(each.block for each in report.replaced) == family.blocks
    assert report.left_alone == ()


@each_family
@pytest.mark.parametrize("seed", [32, 33])
def test_outputs_are_the_same(family: Family, seed: int) -> None:
    model, accelerated = models(family)
    with torch.no_grad():
        for _ in range(2):
            assert_same(accelerated(**family.inputs(seed)), model(**family.inputs(seed)))


@each_family
def test_training_is_the_same(family: Family) -> None:
    gradients, results, buffers = [], [], []
    for model in models(family):
        model.double().train()
        inputs = in_float64(family.inputs())
        leaves = [tensor.requires_grad_() for _, tensor in tensors(inputs)]
        if "bg_param" in inputs:  # its last row is a constant in that family
            inputs["bg_param"] = torch.cat((inputs["bg_param"][:, :2], inputs["bg_param"][:, 2:].detach()), dim=1)
        results.append(model(**inputs))
        wanted = [*leaves, *model.parameters()]
        gradients.append(torch.autograd.grad(total(results[-1]), wanted, allow_unused=True))
        buffers.append(list(model.buffers()))
    assert_same(results[1], results[0], 1e-8)
    torch.testing.assert_close(buffers[1], buffers[0], rtol=1e-6, atol=1e-8)
    for ours, theirs in zip(gradients[1], gradients[0], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert (ours - theirs).norm() <= 1e-6 * theirs.norm() + 1e-9


def in_float64(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.double()
    return {name: in_float64(each) for name, each in value.items()}


@each_family
def test_checkpoints_fit_before_and_after(family: Family) -> None:
    model, accelerated = models(family)
    assert list(accelerated.state_dict()) == list(model.state_dict())
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            with torch.no_grad():
                tensor.mul_(1.1)
    outputs(accelerated, family)  # what is kept now is of the weights before
    accelerated.load_state_dict(model.state_dict())
    assert_same(outputs(accelerated, family), outputs(model, family))
    again = family.model()
    again.load_state_dict(accelerated.state_dict())
    assert_same(outputs(again, family), outputs(model, family))


@each_family
def test_undo_restores(family: Family) -> None:
    model, accelerated = family.model(), family.model()
    classes = [type(module) for module in accelerated.modules()]
    accelerate(accelerated).undo()
    assert [type(module) for module in accelerated.modules()] == classes
    found, expected = outputs(accelerated, family), outputs(model, family)
    for (_, ours), (_, theirs) in zip(tensors(found), tensors(expected), strict=True):
        assert torch.equal(ours, theirs)


@each_family
def test_copies_and_pickled_models_are_accelerated(family: Family) -> None:
    model, accelerated = models(family)
    file = io.BytesIO()
    torch.save(accelerated, file)
    file.seek(0)
    expected = outputs(model, family)
    for other in (copy.deepcopy(accelerated), torch.load(file, weights_only=False)):
        assert [type(module) for module in other.modules()] == [type(module) for module in accelerated.modules()]
        assert not any(ours is theirs for ours, theirs in zip(other.modules(), accelerated.modules(), strict=True))
        assert_same(outputs(other, family), expected)
        accelerate(other).undo()
        assert [type(module) for module in other.modules()] == [type(module) for module in model.modules()]


@each_family
def test_twice_is_once(family: Family) -> None:
    accelerated = family.model()
    first = accelerate(accelerated)
    classes = [type(module) for module in accelerated.modules()]
    second = accelerate(accelerated)
    assert second.replaced == ()
    assert sorted(each.path for each in second.left_alone) == sorted(each.path for each in first.replaced)
    assert {each.reason for each in second.left_alone} == {"accelerated already"}
    assert "accelerated already" in str(second)
    assert [type(module) for module in accelerated.modules()] == classes


WITH_BACKGROUND = [family for family in FAMILIES if {"bg_param", "bg_params"} & family.inputs().keys()]
COMPILED = {family.name: family for family in (FAMILIES[0], LIVE_PORTRAIT, FIRST_ORDER, FAMILIES[-2], *WITH_BACKGROUND)}


@pytest.mark.parametrize("family", COMPILED.values(), ids=COMPILED.keys())
def test_compiled_in_one_graph(family: Family) -> None:
    model, accelerated = models(family)
    compiled = torch.compile(accelerated, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        assert_same(compiled(**family.inputs()), model(**family.inputs()))


@each_family
def test_no_further_off_under_autocast(family: Family) -> None:
    """The family's own coordinates may be rounded to bfloat16 there; ours never are."""
    model, accelerated = models(family)
    exact = dict(tensors(outputs(model, family)))
    with torch.autocast("cpu"):
        theirs, ours = dict(tensors(outputs(model, family))), dict(tensors(outputs(accelerated, family)))
    for name, tensor in exact.items():
        error = {key: float((each[name] - tensor).norm()) for key, each in (("ours", ours), ("theirs", theirs))}
        rounding = 2**-8 * float(tensor.norm())
        assert error["ours"] <= 1.5 * error["theirs"] + rounding, name


def test_a_background_that_may_become_a_perspective_learns() -> None:
    family = next(family for family in FAMILIES if "bg_params" in family.inputs())
    gradients = []
    for model in models(family):
        inputs = family.inputs()
        leaf = inputs["bg_params"].requires_grad_()
        gradients.append(torch.autograd.grad(total(model(**inputs)), leaf)[0])
    assert gradients[0][:, 2].abs().min() > 0
    assert_same(gradients[1], gradients[0], 1e-3)


def test_stays_an_instance_of_its_class() -> None:
    model = FIRST_ORDER.model()
    kind, attributes = type(model), set(model.__dict__)
    accelerate(model)
    assert isinstance(model, kind)
    assert set(model.__dict__) == attributes


@each_family
def test_hooks_see_what_they_saw(family: Family) -> None:
    def seen_by_hooks(model: nn.Module) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, module in model.named_modules():
            module.register_forward_hook(lambda _, given, result, name=name: seen.update({name: (given, result)}))
        outputs(model, family)
        return seen

    model, accelerated = models(family)
    accelerate(accelerated)
    expected, found = seen_by_hooks(model), seen_by_hooks(accelerated)
    assert found.keys() == expected.keys()
    for name, what in expected.items():
        assert_same(found[name], what)


@pytest.mark.parametrize("part", ["up", "up_0", "up_0.norm_0", "up_1.norm_s", "up_1.norm_1.param_free_norm"])
def test_a_hook_on_one_part_sees_what_it_saw(part: str) -> None:
    seen: list[Any] = []
    for model in (pair := models(LIVE_PORTRAIT)):
        if model is pair[1]:
            accelerate(model)
        (decoder,) = (each for each in model.modules() if hasattr(each, "G_middle_0"))
        hook = decoder.get_submodule(part).register_forward_hook(lambda _, *what: seen.append(what))
        seen.append(outputs(model, LIVE_PORTRAIT))
        hook.remove()
    half = len(seen) // 2
    assert half == 1 + (2 if part == "up" else 1)
    for found, expected in zip(seen[half:], seen[:half], strict=True):
        assert_same(found, expected)


def test_a_replica_works_with_its_own_parameters() -> None:
    model = FIRST_ORDER.model()
    accelerate(model)
    network = model.get_submodule("dense_motion_network")
    replica = network._replicate_for_data_parallel()
    assert type(replica) is type(network)
    forward: Any = replica.forward
    assert forward.__self__ is replica


def test_several_models_at_once() -> None:
    first, second = FIRST_ORDER.model(), LIVE_PORTRAIT.model()
    report = accelerate(first, second)
    assert {each.path.partition(".")[0] for each in report.replaced} == {"OcclusionAwareGenerator", "Rendering"}
    report.undo()
    assert accelerate(first).left_alone == ()


def test_nothing_recognised_is_said() -> None:
    report = accelerate(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    assert (report.replaced, report.left_alone) == ((), ())
    assert str(report).startswith("nothing recognised")


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"models: expected torch\.nn\.Module, got dict"):
        accelerate({})  # type: ignore[arg-type]


def test_report_in_words() -> None:
    words = str(accelerate(LIVE_PORTRAIT.model()))
    assert "replaced: LivePortrait, dense motion: Rendering.warping_module.dense_motion_network" in words
    assert "replaced: SPADE, normalisation: Rendering.spade_generator.G_middle_0.norm_0 and 17 more" in words


@pytest.mark.parametrize("mode", ["dropout", "perspective"])
def test_what_the_ops_do_not_do_runs_as_before(mode: str) -> None:
    family = FAMILIES[-1]
    model, accelerated = models(family)
    inputs = family.inputs()
    inputs["kp_driving"], inputs["kp_source"] = (
        {"fg_kp": inputs[name]["fg_kp"]} for name in ("kp_driving", "kp_source")
    )
    options: dict[str, Any] = {"dropout_flag": True, "dropout_p": 0.5}
    if mode == "perspective":
        options = {}
        inputs["bg_param"][:, 2, 0] = 0.05
    results = []
    for each in (model, accelerated):
        torch.manual_seed(3)
        results.append(each.get_submodule("dense_motion_network")(**inputs, **options))
    assert_same(results[1], results[0])
