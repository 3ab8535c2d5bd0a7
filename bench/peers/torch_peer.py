"""PyTorch's side of the benchmark: the conversation of serve.mjs, the cases of thalweg.mjs."""

import itertools
import json
import math
import os
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "0")) or torch.get_num_threads())


def hashes(n, seed):
    """The streams of data.mjs, bit for bit."""
    h = np.arange(n, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def uniform(n, seed, scale=1.0, shift=0.0):
    u = (hashes(n, seed) >> np.uint32(8)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    return torch.from_numpy(u * np.float32(scale) + np.float32(shift))


def section1_data():
    torch.manual_seed(0)
    X = torch.randn(100, 1)
    return X, X * 2 + 3 + torch.randn(100, 1)


def section1(_):
    X, y = section1_data()

    def train():
        w = torch.zeros(1, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.RMSprop([w, b], lr=0.01)
        losses = []
        for _ in range(100):
            y_pred = w * X + b
            loss = (y_pred - y).pow(2).mean()
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return {"losses": losses, "w": w.item(), "b": b.item()}

    return train, train


def rmsprop(params):
    n = params["n"]
    p = uniform(n, 1).requires_grad_()
    p.grad = uniform(n, 2)
    optimizer = torch.optim.RMSprop([p], lr=params["lr"])

    def check():
        for _ in range(3):
            optimizer.step()
        return [p[i].item() for i in (0, 1, 12345, n - 2, n - 1)]

    return check, optimizer.step


def tensors(params):
    n = params["n"]
    made = [uniform(n, 2 * i + 1).requires_grad_() for i in range(params["count"])]
    for i, p in enumerate(made):
        p.grad = uniform(n, 2 * i + 2)
    optimizer = torch.optim.RMSprop(made, lr=params["lr"])

    def check():
        for _ in range(3):
            optimizer.step()
        return [p[n - 1].item() for p in (made[0], made[-1])]

    return check, optimizer.step


def rules(params, **fused):
    n = params["n"]
    p = uniform(n, 1).requires_grad_()
    p.grad = uniform(n, 2)
    optimizer = getattr(torch.optim, params["rule"])([p], **params["options"], **fused)

    def check():
        for _ in range(params["steps"]):
            optimizer.step()
        return [p[i].item() for i in params["lookedAt"]]

    return check, optimizer.step


def sparse(params):
    rows, width, size = params["rows"], params["width"], params["batch"]
    table = torch.nn.Embedding(rows, width, sparse=True, _weight=uniform(rows * width, 1).reshape(rows, width))
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=params["lr"])
    count = 256
    batches = torch.from_numpy((hashes(count * size, 6) % np.uint32(rows)).astype(np.int64)).reshape(count, size)
    factors = uniform(size * width, 7).reshape(size, width)

    def train(number):
        optimizer.zero_grad()
        (table(batches[number]) * factors).sum().backward()
        optimizer.step()

    def check():
        for number in params["first"]:
            train(number)
        return [table.weight[row, column].item() for row in params["lookedAt"] for column in (0, width - 1)]

    order = itertools.cycle(range(count))
    return check, lambda: train(next(order))


def matmul(params):
    n = params["n"]
    a = uniform(n * n, 3).reshape(n, n)
    b = uniform(n * n, 4).reshape(n, n)

    def check():
        c = a @ b
        return [c[i, j].item() for i, j in ((0, 0), (1, n - 1), (n - 1, 7), (n // 2, n // 2))]

    return check, lambda: a @ b


def product(params):
    m, k, n = params["m"], params["k"], params["n"]
    dtype = torch.float64 if params.get("dtype") == "float64" else torch.float32

    def operand(name, rows, columns, seed):
        turned = name in params.get("transposed", "")
        x = uniform(rows * columns, seed).to(dtype)
        return x.reshape(columns, rows).t() if turned else x.reshape(rows, columns)

    a, b = operand("a", m, k, 3), operand("b", k, n, 4)

    def check():
        c = a @ b
        return [c[0, 0].item(), c[m - 1, n - 1].item()]

    return check, lambda: a @ b


def conv_net(params):
    batch = params["batch"]
    x = uniform(batch * 784, 21, 1, 0.5).reshape(batch, 1, 28, 28)
    target = torch.from_numpy((hashes(batch, 22) % np.uint32(10)).astype(np.int64))

    def build():
        shapes = [(8, 1, 3, 3), (32, 8, 3, 3), (10, 800)]
        weights = [
            uniform(math.prod(shape), 23 + i, 2 / math.sqrt(math.prod(shape[1:]))).reshape(shape).requires_grad_()
            for i, shape in enumerate(shapes)
        ]
        biases = [torch.zeros(shape[0], requires_grad=True) for shape in shapes]
        optimizer = torch.optim.RMSprop([*weights, *biases], lr=params["lr"])

        def step():
            h1 = F.max_pool2d(F.relu(F.conv2d(x, weights[0], biases[0])), 2)
            h2 = F.max_pool2d(F.relu(F.conv2d(h1, weights[1], biases[1])), 2)
            loss = F.cross_entropy(F.linear(h2.flatten(1), weights[2], biases[2]), target)
            value = loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return value

        return step

    first = build()
    return lambda: [first() for _ in range(5)], build()


def network(params):
    hidden, batch = params["hidden"], params["batch"]
    sizes = [784, *[hidden] * params.get("layers", 2), 10]
    x = uniform(batch * 784, 11, 1, 0.5).reshape(batch, 784)
    target = torch.from_numpy((hashes(batch, 12) % np.uint32(10)).astype(np.int64)).unsqueeze(1)

    def build():
        weights = [
            # F.linear's layout, [outputs, inputs].
            uniform(sizes[l] * sizes[l + 1], 13 + l, 2 / math.sqrt(sizes[l]))
            .reshape(sizes[l], sizes[l + 1])
            .t()
            .contiguous()
            .requires_grad_()
            for l in range(len(sizes) - 1)
        ]
        biases = [torch.zeros(size, requires_grad=True) for size in sizes[1:]]
        optimizer = torch.optim.RMSprop([*weights, *biases], lr=params["lr"])

        def step():
            h = x
            for weight, bias in zip(weights[:-1], biases[:-1]):
                h = F.relu(F.linear(h, weight, bias))
            logits = F.linear(h, weights[-1], biases[-1])
            loss = -F.log_softmax(logits, 1).gather(1, target).mean()
            value = loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return value

        return step

    first = build()
    return lambda: [first() for _ in range(5)], build()


def trained(loss_of, parameters, lr):
    optimizer = torch.optim.RMSprop(parameters, lr=lr)

    def step():
        loss = loss_of()
        value = loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return value

    return lambda: [step(), step()], step


def regression(params):
    rows, columns = params["rows"], params["columns"]
    X = uniform(rows * columns, 31).reshape(rows, columns)
    y = uniform(rows, 32).unsqueeze(1)
    w = torch.zeros(columns, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    return trained(lambda: (X @ w + b - y).pow(2).mean(), [w, b], params["lr"])


def valley(params):
    p = torch.zeros(params["n"], requires_grad=True)
    return trained(lambda: (p - 1).pow(2).mean(), [p], params["lr"])


CASES = {
    "section1": section1,
    "rmsprop": rmsprop,
    "tensors": tensors,
    "rules": rules,
    "rulesFused": lambda params: rules(params, fused=True),
    "sparse": sparse,
    "matmul": matmul,
    "product": product,
    "network": network,
    "convNet": conv_net,
    "regression": regression,
    "valley": valley,
}


def time_runs(run, budget_ms, min_runs=1):
    times = []
    start = time.perf_counter()
    while len(times) < min_runs or (time.perf_counter() - start) * 1e3 < budget_ms:
        before = time.perf_counter()
        run()
        times.append((time.perf_counter() - before) * 1e3)
    return times


def main():
    runs = {}
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["do"] == "hello":
                answer = {"version": torch.__version__, "threads": torch.get_num_threads(), "cases": list(CASES)}
            elif message["do"] == "setup":
                runs.pop(message["key"], None)  # Its memory may be needed for the next.
                check, runs[message["key"]] = CASES[message["case"]](message["params"])
                answer = {"check": check()}
            elif message["do"] == "memory":
                kilobyte = 1 if sys.platform == "darwin" else 1024
                answer = {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte}
            else:
                answer = {"times": time_runs(runs[message["key"]], message["budgetMs"], message.get("minRuns", 1))}
        except Exception as error:  # The benchmark prints it beside the peer's name.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
