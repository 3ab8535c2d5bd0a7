"""Writes fixtures/reference.json: what a real PyTorch gives, so that answers are checked where there is none.

python bench/reference.py
"""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "peers"))
from torch_peer import conv_net, network, section1, section1_data  # noqa: E402


def exact(values):
    """Nine digits: enough to give each float32 back."""
    return [float(f"{v:.9g}") for v in values]


X, y = section1_data()
trained = section1({})[0]()
sizes = [(128, 64), (512, 128), (1024, 256)]
networks = {h: exact(network({"hidden": h, "batch": b, "lr": 1e-4})[0]()) for h, b in sizes}
result = {
    "source": f"PyTorch {torch.__version__.split('+')[0]}, CPU",
    "X": exact(X.flatten().tolist()),
    "y": exact(y.flatten().tolist()),
    "losses": exact(trained["losses"]),
    "w": exact([trained["w"]])[0],
    "b": exact([trained["b"]])[0],
    "networks": networks,
    "convNet": exact(conv_net({"batch": 64, "lr": 1e-3})[0]()),
}
(HERE / "fixtures" / "reference.json").write_text(json.dumps(result) + "\n")
