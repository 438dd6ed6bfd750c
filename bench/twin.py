"""The PyTorch side of the benchmark: the same algorithms, sizes, batches and threads as workloads.ts, written as a
PyTorch user would write them (autograd, fused Adam, in-place updates, channels last for convolutions)."""

import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

COLD, HOT, BOUND = 0.05, 1.0, 3.0
GATE_STEP, WEIGHT_STEP, DENSITY = 0.3, 0.003, 0.1


def half_dual(x):
    z = x / HOT
    return (z + math.sinh(z)) / 2


class Relaxation:
    """The adaptive update of the two-temperature relaxation, with the accumulators of its certificate."""

    def __init__(self, count, generator):
        self.logits = 0.5 + 0.01 * (2 * torch.rand(count, generator=generator) - 1)
        self.dual = (self.logits / HOT + torch.sinh(self.logits / HOT)) / 2
        self.square = torch.zeros(count)
        self.products = torch.zeros(count)
        self.vector = torch.zeros(count)
        self.squares, self.largest, self.steps = 0.0, 0.0, 0
        self.bound = half_dual(BOUND)

    def gates(self):
        return torch.sigmoid(self.logits / COLD)

    def step(self, gates, g):
        squares = torch.dot(g, g).item()
        low, high = torch.aminmax(g)
        if not math.isfinite(squares):
            raise ValueError("the gradient isn't finite")
        self.squares += squares
        self.largest = max(self.largest, high.item(), -low.item())
        self.products.addcmul_(g, gates)
        self.vector.add_(g)
        scale = GATE_STEP / (4 * HOT * HOT)
        self.square.addcmul_(g, g)
        move = torch.nan_to_num_(g / self.square.sqrt(), nan=0.0)
        self.dual.sub_(move, alpha=scale).clamp_(-self.bound, self.bound)
        # Newton for p + sinh(2p) / 2 = dual, as many steps as the largest move needs.
        p = self.logits / (2 * HOT)
        error = scale / 2
        while error > 1e-8:
            h = torch.tanh(p)
            p = p - 0.5 * (h + (p - self.dual) * (1 - h * h))
            error *= error * math.exp(2 * error)
        self.logits = p * (2 * HOT)
        self.steps += 1


class Dense:
    def __init__(self, inputs, units, generator, relu=True):
        self.kernel = torch.randn(units, inputs, generator=generator) * math.sqrt(2 / inputs)
        self.bias = torch.zeros(units)
        self.relu = relu

    def weights(self):
        return [self.kernel, self.bias]


class WeightGatedMlp:
    """Dense layers with a gate a weight."""

    batch, steps, shape = 128, 200, (784,)

    def __init__(self, generator):
        self.generator = generator
        self.sizes = [784, 300, 100, 10]
        self.gate_sizes = [a * b for a, b in zip(self.sizes, self.sizes[1:])]
        self.gate_count = sum(self.gate_sizes)

    def draw(self):
        pairs = list(zip(self.sizes, self.sizes[1:]))
        layers = [Dense(a, b, self.generator) for a, b in pairs]
        return [w for layer in layers for w in layer.weights()]

    def forward(self, weights, gates, x):
        for i, own in enumerate(torch.split(gates, self.gate_sizes)):
            kernel, bias = weights[2 * i], weights[2 * i + 1]
            factor = own.detach().mean().clamp_min(1 / own.numel()).rsqrt()
            x = F.linear(x, kernel * (own * factor).view_as(kernel), bias)
            if i + 2 < len(self.sizes):
                x = F.relu(x)
        return x


class UnitGatedCnn:
    """Convolutions with bias, batch normalisation and relu; a gate a channel acts where the next layer reads it."""

    batch, steps, shape = 64, 10, (3, 32, 32)

    def __init__(self, generator):
        self.generator = generator
        self.filters = [32, 32, 64, 64]
        self.gate_sizes = self.filters
        self.gate_count = sum(self.filters)

    def draw(self):
        weights, channels = [], 3
        for count in self.filters:
            kernel = torch.randn(count, channels, 3, 3, generator=self.generator) * math.sqrt(2 / (9 * channels))
            kernel = kernel.to(memory_format=torch.channels_last)
            weights += [kernel, torch.zeros(count), torch.ones(count), torch.zeros(count)]
            channels = count
        self.moving = [(torch.zeros(c), torch.ones(c)) for c in self.filters]
        weights += [torch.randn(10, 64 * 8 * 8, generator=self.generator) * 0.02, torch.zeros(10)]
        return weights

    def forward(self, weights, gates, x):
        own = torch.split(gates, self.gate_sizes)
        for i in range(len(self.filters)):
            kernel, bias, gamma, beta = weights[4 * i : 4 * i + 4]
            x = F.conv2d(x, kernel, bias, padding=1)
            mean, variance = self.moving[i]
            x = F.relu(F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=0.01, eps=1e-3))
            if i % 2 == 1:
                x = F.max_pool2d(x, 2)
            factor = own[i].detach().mean().clamp_min(1 / own[i].numel()).rsqrt()
            x = x * (own[i] * factor).view(1, -1, 1, 1)
        return F.linear(x.flatten(1), weights[-2], weights[-1])


class Search:
    """Weights trained beside the gates and drawn anew every 100 steps; price of complexity steered to the density."""

    def __init__(self, network, data, labels, length, generator):
        self.network, self.data, self.labels, self.length = network, data, labels, length
        self.generator = generator
        self.relaxation = Relaxation(network.gate_count, generator)
        self.costs = torch.full((network.gate_count,), 1 / network.gate_count)
        self.price, self.done = 0.1, 0
        self.order, self.next = None, 0

    def rows(self):
        size = self.network.batch
        if self.order is None or self.next + size > len(self.order):
            self.order, self.next = torch.randperm(len(self.data), generator=self.generator), 0
        self.next += size
        return self.order[self.next - size : self.next]

    def advance(self):
        if self.done % 100 == 0:
            self.weights = [w.requires_grad_() for w in self.network.draw()]
            self.adam = torch.optim.Adam(self.weights, lr=WEIGHT_STEP, fused=True)
        rows = self.rows()
        gates = self.relaxation.gates().requires_grad_()
        logits = self.network.forward(self.weights, gates, self.data[rows])
        loss = F.cross_entropy(logits, self.labels[rows])
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        gates.requires_grad_(False)
        complexity = torch.dot(self.costs, gates).item()
        if not math.isfinite(loss.item()):
            raise ValueError("the loss isn't finite")
        gradient = gates.grad.add_(self.costs, alpha=self.price)
        self.adam.step()
        self.relaxation.step(gates, gradient)
        target = DENSITY ** min(1, self.done / (0.7 * self.length))
        self.price *= math.exp(0.02 * max(-1, min(1, (complexity - target) / target)))
        self.done += 1


class SearchRunner:
    def __init__(self, network, phase):
        generator = torch.Generator().manual_seed(1)
        self.network, self.phase, self.generator = network(generator), phase, generator
        self.data = torch.rand(2048, *self.network.shape, generator=generator)
        if len(self.network.shape) == 3:
            self.data = self.data.to(memory_format=torch.channels_last)
        self.labels = torch.arange(2048) % 10
        if phase == "step":
            self.search = Search(self.network, self.data, self.labels, 10**9, generator)
        if phase == "forward":
            self.weights = self.network.draw()
            self.gates = torch.full((self.network.gate_count,), 0.6)
            self.inputs = self.data[torch.randperm(2048, generator=generator)[: self.network.batch]]

    def run(self, iterations):
        for _ in range(iterations):
            if self.phase == "step":
                self.search.advance()
            elif self.phase == "forward":
                with torch.no_grad():
                    self.network.forward(self.weights, self.gates, self.inputs).softmax(1)
            else:
                search = Search(self.network, self.data, self.labels, self.network.steps, self.generator)
                for _ in range(self.network.steps):
                    search.advance()


WORKLOADS = {
    "mlp": lambda phase: SearchRunner(WeightGatedMlp, phase),
    "cnn": lambda phase: SearchRunner(UnitGatedCnn, phase),
}


def answer(value):
    print(json.dumps(value), flush=True)


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_num_interop_threads(1)
    answer({"ready": 0, "engine": "pytorch", "version": torch.__version__})
    runner = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            runner = WORKLOADS[request["open"]](request["phase"])
            answer({"opened": request["open"]})
        elif "iterations" in request:
            begun = time.perf_counter()
            runner.run(request["iterations"])
            answer({"milliseconds": 1000 * (time.perf_counter() - begun)})
        else:
            runner = None
            answer({"peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


main()
