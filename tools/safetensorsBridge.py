"""PyTorch's side of thalweg/safetensors: an optimizer and its parameters, saved here and gone on with there, or the
other way.

    import safetensorsBridge as bridge
    bridge.save("run.safetensors", optimizer, dict(model.named_parameters()))
    metadata = bridge.load("run.safetensors", optimizer, dict(model.named_parameters()))

Needs `torch` and `safetensors`. The file's layout is described in packages/thalweg/src/safetensors/optimizer.ts; the
parameters stand under their own names, so `safetensors.torch.load_file` finds them without this module, too.
"""

import json
import math
import re
import struct
import zlib
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

# How PyTorch computes, not what; and what its schedulers keep for themselves.
NOT_SAVED = {"params", "foreach", "capturable", "differentiable", "fused"}
DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32", torch.bool: "BOOL"}
# Rules whose state has no step.
WITHOUT_STEP = {"SGD", "Muon"}
# What only one side keeps, because the other computes it anew.
ONLY_THERE, ONLY_HERE = {"ASGD": {"mu"}}, {"Adafactor": {"scale"}}
# Options that have other names or values on the two sides.
NAMES = {"line_search_fn": "lineSearch"}
VALUES = {"line_search_fn": {"strong_wolfe": "strongWolfe"}, "adjust_lr_fn": {None: "original"}}


def camel(name):
    return NAMES.get(name) or re.sub("_([a-z0-9])", lambda m: m[1].upper(), name)


def snake(name):
    known = {there: here for here, there in NAMES.items()}
    return known.get(name) or re.sub("[A-Z]", lambda m: "_" + m[0].lower(), name)


def _to_json(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return [_to_json(v) for v in value] if isinstance(value, (list, tuple)) else value


def _option(name, value):
    return VALUES[name].get(value, value) if name in VALUES else _to_json(value)


def _from_json(value, like):
    if isinstance(like, (int, float)) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value.replace("Infinity", "inf"))
    return tuple(value) if isinstance(value, list) else value


def _lbfgs_to(state):
    """LBFGS's memory, which PyTorch keeps with the first parameter, as the tensors that Thalweg names; none before a step."""
    if "d" not in state:
        return {}
    d, pairs = state["d"], len(state["ro"])
    rows = lambda vectors: torch.stack(vectors) if pairs > 0 else d.new_zeros((0, d.numel()))
    numbers = [state["n_iter"], state["func_evals"], float(state["H_diag"]), float(state["t"])]
    return {
        "direction": d.clone(),
        "gradient": state["prev_flat_grad"].clone(),
        "steps": rows(state["old_stps"]),
        "gradientChanges": rows(state["old_dirs"]),
        "curvatures": torch.tensor([1 / float(r) for r in state["ro"]], dtype=torch.float64),
        "numbers": torch.tensor(numbers, dtype=torch.float64),
    }


def _lbfgs_from(shared, group):
    """The same back; nothing is kept of the last loss, which each step computes first."""
    d = shared["direction"]
    iterations, evaluations, scale, t = shared["numbers"].tolist()
    return {
        "func_evals": int(evaluations), "n_iter": int(iterations), "al": [None] * group["history_size"],
        "d": d, "t": t, "H_diag": d.new_tensor(scale), "prev_flat_grad": shared["gradient"], "prev_loss": 0.0,
        "old_dirs": list(shared["gradientChanges"].unbind()), "old_stps": list(shared["steps"].unbind()),
        "ro": [d.new_tensor(1 / c) for c in shared["curvatures"].tolist()],
    }


def _checksum(text, tensors):
    total = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        shape = ",".join(map(str, tensor.shape))
        total = zlib.crc32(f"{name}\0{DTYPES[tensor.dtype]}\0{shape}\0".encode(), total)
        total = zlib.crc32(tensor.detach().contiguous().cpu().numpy().tobytes(), total)
    return f"{total:08x}"


def to_bytes(optimizer, names, metadata=None):
    """The file's bytes. `names`: every parameter of the optimizer by its name."""
    name_of = {id(p): name for name, p in names.items()}
    rule = type(optimizer).__name__
    tensors, state, groups, shared = {}, {}, [], {}
    for group in optimizer.param_groups:
        known = {**optimizer.defaults, "initial_lr": None}
        options = {camel(k): _option(k, v) for k, v in group.items() if k in known and k not in NOT_SAVED}
        groups.append({"params": [name_of[id(p)] for p in group["params"]], **options})
        for p in group["params"]:
            name = name_of[id(p)]
            tensors[name] = p.detach().clone().contiguous()
            if rule == "LBFGS":
                shared.update(_lbfgs_to(optimizer.state[p]))
                continue
            left_out = {"step", *ONLY_THERE.get(rule, ())}
            slots = {k: v for k, v in optimizer.state[p].items() if isinstance(v, torch.Tensor) and k not in left_out}
            step = int(optimizer.state[p].get("step", 1 if slots else 0))
            if step > 0:
                state[name] = {"step": step, "slots": [camel(k) for k in slots]}
            for k, v in slots.items():
                # A number such as NAdam's product is kept in float32 here and in the parameter's dtype there.
                tensors[f"optimizer/state/{name}/{camel(k)}"] = v.detach().clone().to(p.dtype).contiguous()
    tensors.update({f"optimizer/shared/{k}": v.detach().contiguous() for k, v in shared.items()})
    text = json.dumps({"format": 1, "rule": rule, "groups": groups, "state": state, "shared": list(shared)})
    return save_tensors(tensors, {**(metadata or {}), "optimizer": text, "checksum": _checksum(text, tensors)})


def from_bytes(data, optimizer, names):
    """Puts the file's values, state and options into the optimizer and its parameters; returns the other metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors = load_tensors(data)
    text, checksum = metadata.pop("optimizer"), metadata.pop("checksum")
    if _checksum(text, tensors) != checksum:
        raise ValueError("the file is damaged: its content does not have the checksum that it says")
    description = json.loads(text)
    rule = type(optimizer).__name__
    if description["rule"] != rule:
        raise ValueError(f"the file is of the rule {description['rule']}, this optimizer is {rule}")
    if len(description["groups"]) != len(optimizer.param_groups):
        raise ValueError(f"the file has {len(description['groups'])} groups, this optimizer {len(optimizer.param_groups)}")
    name_of = {id(p): name for name, p in names.items()}
    param_groups, state, next_index = [], {}, 0
    for saved, group in zip(description["groups"], optimizer.param_groups):
        own = [name_of[id(p)] for p in group["params"]]
        if sorted(saved["params"]) != sorted(own):
            raise ValueError(f"a group has the parameters {saved['params']} in the file, {own} here")
        options = {k: v for k, v in group.items() if k != "params"}
        for key, value in saved.items():
            if key == "params":
                continue
            if snake(key) in group or key == "initialLr":
                there = {v: k for k, v in VALUES.get(snake(key), {}).items()}
                options[snake(key)] = there.get(value, value) if there else _from_json(value, group.get(snake(key), 0.0))
            elif value:
                raise ValueError(f"PyTorch's {rule} has no option {key}, which is {value} in the file")
        for name in own:
            p = names[name]
            if tensors[name].shape != p.shape or tensors[name].dtype != p.dtype:
                raise ValueError(f"{name} is {tensors[name].dtype} {tuple(tensors[name].shape)} in the file, {p.dtype} {tuple(p.shape)} here")
            if name in description["state"]:
                entry = description["state"][name]
                step = {} if rule in WITHOUT_STEP else {"step": torch.tensor(float(entry["step"]))}
                slots = {snake(slot): tensors[f"optimizer/state/{name}/{slot}"] for slot in entry["slots"] if slot not in ONLY_HERE.get(rule, ())}
                if rule == "ASGD":
                    slots["mu"] = torch.tensor(1 / max(1, entry["step"] - options["t0"]))
                if step or slots:
                    state[next_index] = {**step, **slots}
            next_index += 1
        param_groups.append({**options, "params": list(range(next_index - len(own), next_index))})
    shared = {name: tensors[f"optimizer/shared/{name}"] for name in description["shared"]}
    if rule == "LBFGS" and shared:
        state[0] = _lbfgs_from(shared, param_groups[0])
    optimizer.load_state_dict({"state": state, "param_groups": param_groups})
    with torch.no_grad():
        for name, p in names.items():
            p.copy_(tensors[name])
    return metadata


def save(path, optimizer, names, metadata=None):
    """Writes an optimizer with its parameters (a dict by name) and more text to a file."""
    Path(path).write_bytes(to_bytes(optimizer, names, metadata))


def load(path, optimizer, names):
    """Goes on from a file: see from_bytes."""
    return from_bytes(Path(path).read_bytes(), optimizer, names)
