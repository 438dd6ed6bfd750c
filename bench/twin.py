"""The PyTorch side of the benchmark: the same algorithms, sizes, batches and threads as workloads.ts, written as a
PyTorch user would write them (autograd, fused Adam, in-place updates, channels last for convolutions)."""

import gzip
import json
import math
import os
import resource
import sys
import tempfile
import time

import numpy

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


def kernel(outputs, inputs, size, generator, groups=1):
    deviation = math.sqrt(2 / (size * size * inputs // groups))
    drawn = torch.randn(outputs, inputs // groups, size, size, generator=generator) * deviation
    return drawn.to(memory_format=torch.channels_last)


def open_factor(gates):
    """What keeps the variance of a sum over gated terms; no gradient passes through it."""
    return gates.detach().mean().clamp_min(1 / gates.numel()).rsqrt()


def batch_norm(x, gamma, beta):
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)


class WeightGatedMlp:
    """Dense layers with a gate a weight."""

    batch, steps, shape = 128, 400, (784,)

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
            x = F.linear(x, kernel * (own * open_factor(own)).view_as(kernel), bias)
            if i + 2 < len(self.sizes):
                x = F.relu(x)
        return x


class UnitGatedCnn:
    """Convolutions with bias, batch normalisation and relu; a gate a channel acts where the next layer reads it."""

    batch, steps, shape = 64, 40, (3, 32, 32)

    def __init__(self, generator):
        self.generator = generator
        self.filters = [32, 32, 64, 64]
        self.gate_sizes = self.filters
        self.gate_count = sum(self.filters)

    def draw(self):
        weights, channels = [], 3
        for count in self.filters:
            drawn = kernel(count, channels, 3, self.generator)
            weights += [drawn, torch.zeros(count), torch.ones(count), torch.zeros(count)]
            channels = count
        return weights + [torch.randn(10, 64 * 8 * 8, generator=self.generator) * 0.02, torch.zeros(10)]

    def forward(self, weights, gates, x):
        own = torch.split(gates, self.gate_sizes)
        for i in range(len(self.filters)):
            w, bias, gamma, beta = weights[4 * i : 4 * i + 4]
            x = F.relu(batch_norm(F.conv2d(x, w, bias, padding=1), gamma, beta))
            if i % 2 == 1:
                x = F.max_pool2d(x, 2)
            x = x * (own[i] * open_factor(own[i])).view(1, -1, 1, 1)
        return F.linear(x.flatten(1), weights[-2], weights[-1])


class WeightGatedVgg:
    """VGG-16 for 32x32 images, a gate a weight."""

    batch, steps, shape = 64, 5, (3, 32, 32)

    def __init__(self, generator):
        self.generator = generator
        self.stages = [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]
        shapes, channels = [], 3
        for stage in self.stages:
            for count in stage:
                shapes.append((count, channels, 3, 3))
                channels = count
        self.gate_sizes = [math.prod(shape) for shape in shapes] + [5120]
        self.shapes, self.gate_count = shapes, sum(self.gate_sizes)

    def draw(self):
        weights = []
        for count, channels, _, _ in self.shapes:
            drawn = kernel(count, channels, 3, self.generator)
            weights += [drawn, torch.zeros(count), torch.ones(count), torch.zeros(count)]
        return weights + [torch.randn(10, 512, generator=self.generator) * 0.06, torch.zeros(10)]

    def forward(self, weights, gates, x):
        own = torch.split(gates, self.gate_sizes)
        at = 0
        for stage in self.stages:
            for _ in stage:
                w, bias, gamma, beta = weights[4 * at : 4 * at + 4]
                count, channels = w.shape[:2]
                # Laid out like the kernel in memory: channels last.
                mask = (own[at] * open_factor(own[at])).view(count, 3, 3, channels).permute(0, 3, 1, 2)
                x = F.relu(batch_norm(F.conv2d(x, w * mask, bias, padding=1), gamma, beta))
                at += 1
            x = F.max_pool2d(x, 2)
        last = own[-1] * open_factor(own[-1])
        return F.linear(x.flatten(1), weights[-2] * last.view(10, 512), weights[-1])


class GatedResnet:
    """ResNet-20; gates on units, coupled along each stage's shortcut, or on the branches of blocks."""

    batch, steps, shape = 64, 20, (3, 32, 32)

    def __init__(self, generator, blocks=False):
        self.generator, self.blocks = generator, blocks
        self.filters = [16, 32, 64]
        self.gate_sizes = [1] * 9 if blocks else [count for count in self.filters for _ in range(4)]
        self.gate_count = sum(self.gate_sizes)

    def draw(self):
        g, weights = self.generator, []

        def add(count, channels, size):
            weights.extend([kernel(count, channels, size, g), torch.ones(count), torch.zeros(count)])

        add(16, 3, 3)
        channels = 16
        for count in self.filters:
            for block in range(3):
                add(count, channels, 3)
                add(count, count, 3)
                if block == 0 and count != channels:
                    add(count, channels, 1)
                channels = count
        return weights + [torch.randn(10, 64, generator=g) * 0.1, torch.zeros(10)]

    def forward(self, weights, gates, x):
        own = torch.split(gates, self.gate_sizes)
        given = iter(weights)

        def conv(x, stride=1):
            w, gamma, beta = next(given), next(given), next(given)
            return batch_norm(F.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2), gamma, beta)

        def gated(x, group):
            if self.blocks:
                return x
            return x * (own[group] * open_factor(own[group])).view(1, -1, 1, 1)

        x = F.relu(conv(x))
        previous = 0
        for stage in range(3):
            for block in range(3):
                stride = 2 if stage > 0 and block == 0 else 1
                read = gated(x, 4 * previous)
                inner = gated(F.relu(conv(read, stride)), 4 * stage + 1 + block)
                branch = conv(inner)
                shortcut = conv(read, stride) if stride == 2 else x
                if self.blocks:
                    branch = branch * own[3 * stage + block]
                x = F.relu(shortcut + branch)
                previous = stage
        x = gated(x, 8).mean((2, 3))
        return F.linear(x, weights[-2], weights[-1])


class GatedCell:
    """Four edges of six operations each, behind a convolution; a gate an operation."""

    batch, steps, shape = 64, 40, (1, 28, 28)

    def __init__(self, generator):
        self.generator = generator
        self.gate_sizes = [1, 6, 6, 6, 6]
        self.gate_count = 25

    def draw(self):
        g = self.generator
        weights = [kernel(12, 1, 3, g)]
        for _ in range(4):
            weights += [kernel(12, 12, 3, g), kernel(12, 12, 5, g), kernel(12, 12, 3, g, groups=12)]
        return weights + [torch.randn(10, 588, generator=g) * 0.05, torch.zeros(10)]

    def forward(self, weights, gates, x):
        def rms(x):
            return x * (x.square().mean(tuple(range(1, x.dim())), keepdim=True) + 1e-6).rsqrt()

        def total(terms, own):
            factor = own.detach().sum().clamp_min(1).rsqrt()
            return sum(rms(term) * (own[k] * factor) for k, term in enumerate(terms))

        own = torch.split(gates, self.gate_sizes)
        x = total([F.conv2d(x, weights[0], padding=1)], own[0])
        for edge in range(4):
            stride = 1 + edge % 2
            small, large, depthwise = weights[1 + 3 * edge : 4 + 3 * edge]
            x = total(
                [
                    F.conv2d(x, small, stride=stride, padding=1),
                    F.conv2d(x, large, stride=stride, padding=2),
                    F.conv2d(x, depthwise, stride=stride, padding=1, groups=12),
                    F.max_pool2d(x, 3, stride, padding=1),
                    F.avg_pool2d(x, 3, stride, padding=1),
                    x[:, :, ::stride, ::stride],
                ],
                own[1 + edge],
            )
        return F.linear(rms(x.flatten(1)), weights[-2], weights[-1])


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

    def redraw(self):
        if self.done % 100 == 0:
            self.weights = [w.requires_grad_() for w in self.network.draw()]
            self.adam = torch.optim.Adam(self.weights, lr=WEIGHT_STEP, fused=True)

    def train(self, gates):
        """One step of the weights alone, drawn anew as often."""
        self.redraw()
        rows = self.rows()
        loss = F.cross_entropy(self.network.forward(self.weights, gates, self.data[rows]), self.labels[rows])
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        self.done += 1
        return loss.item()

    def advance(self):
        self.redraw()
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
        if phase == "masked":
            self.search = Search(self.network, self.data, self.labels, 10**9, generator)
            self.gates = torch.full((self.network.gate_count,), 0.6)
        if phase == "forward":
            self.weights = self.network.draw()
            self.gates = torch.full((self.network.gate_count,), 0.6)
            self.inputs = self.data[torch.randperm(2048, generator=generator)[: self.network.batch]]

    def run(self, iterations):
        for _ in range(iterations):
            if self.phase == "step":
                self.search.advance()
            elif self.phase == "masked":
                self.search.train(self.gates)
            elif self.phase == "forward":
                with torch.no_grad():
                    self.network.forward(self.weights, self.gates, self.inputs).softmax(1)
            else:
                search = Search(self.network, self.data, self.labels, self.network.steps, self.generator)
                for _ in range(self.network.steps):
                    search.advance()


class FewShotRunner:
    """100 MLPs 12-64-32-5, each on its own 25 examples for 100 full-batch steps, then judged by 500 queries."""

    def __init__(self, together):
        g = torch.Generator().manual_seed(1)
        self.generator, self.together = g, together
        self.inputs = [torch.randperm(64, generator=g)[:12] for _ in range(20)]
        self.support = torch.rand(100, 25, 64, generator=g)
        self.labels = (torch.arange(25) % 5).expand(100, 25)
        self.queries, self.query_labels = torch.rand(500, 64, generator=g), torch.arange(500) % 5

    def draw(self, *stack):
        sizes = [12, 64, 32, 5]
        weights = []
        for a, b in zip(sizes, sizes[1:]):
            drawn = torch.randn(*stack, b, a, generator=self.generator) * math.sqrt(2 / a)
            weights += [drawn, torch.zeros(*stack, b)]
        return weights

    @staticmethod
    def forward(weights, x):
        for i in range(0, 6, 2):
            x = F.linear(x, weights[i], weights[i + 1])
            x = F.relu(x) if i < 4 else x
        return x

    def loss(self, weights, x, labels):
        return F.cross_entropy(self.forward(weights, x), labels)

    def run(self, iterations):
        for _ in range(iterations):
            chosen = torch.stack([self.inputs[j // 5] for j in range(100)])
            support = torch.gather(self.support, 2, chosen[:, None].expand(-1, 25, -1))
            if self.together:
                weights = [w.requires_grad_() for w in self.draw(100)]
                adam = torch.optim.Adam(weights, lr=0.003, fused=True)
                gradients = torch.func.vmap(torch.func.grad(self.loss))
                for _ in range(100):
                    for w, g in zip(weights, gradients([w.detach() for w in weights], support, self.labels)):
                        w.grad = g
                    adam.step()
                with torch.no_grad():
                    queries = self.queries[:, chosen].permute(1, 0, 2)
                    torch.func.vmap(self.forward)(weights, queries).argmax(2).eq(self.query_labels).float().mean(1)
            else:
                for j in range(100):
                    weights = [w.requires_grad_() for w in self.draw()]
                    adam = torch.optim.Adam(weights, lr=0.003, fused=True)
                    for _ in range(100):
                        adam.zero_grad(set_to_none=True)
                        self.loss(weights, support[j], self.labels[j]).backward()
                        adam.step()
                    with torch.no_grad():
                        scores = self.forward(weights, self.queries[:, chosen[j]])
                        scores.argmax(1).eq(self.query_labels).float().mean().item()


class DataRunner:
    """20,000 examples of 28x28 from compressed IDX files; an epoch of batches of 128."""

    def __init__(self, phase):
        self.phase = phase
        self.folder = tempfile.mkdtemp(prefix="twotemp-bench-")
        random = numpy.random.default_rng(0)
        for split, count in (("train", 20000), ("test", 2000)):
            pixels = numpy.maximum(0, random.integers(-256, 256, (count, 28, 28))).astype(numpy.uint8)
            self.write(split, pixels, (numpy.arange(count) % 10).astype(numpy.uint8))
        self.images, self.labels = self.read()

    def write(self, split, *arrays):
        for name, array in zip(("images", "labels"), arrays):
            header = numpy.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
            with gzip.open(os.path.join(self.folder, f"{split}-{name}.gz"), "wb", compresslevel=6) as file:
                file.write(header + array.tobytes())

    def read(self):
        parts = []
        for split in ("train", "test"):
            for name, offset in (("images", 16), ("labels", 8)):
                with gzip.open(os.path.join(self.folder, f"{split}-{name}.gz")) as file:
                    parts.append(torch.frombuffer(bytearray(file.read()[offset:]), dtype=torch.uint8))
        return parts[0].view(-1, 784), parts[1].long()

    def run(self, iterations):
        for _ in range(iterations):
            if self.phase == "load":
                self.read()
                continue
            order = torch.randperm(len(self.images))
            for start in range(0, len(order) - 127, 128):
                rows = order[start : start + 128]
                self.images[rows].float().mul_(1 / 255), F.one_hot(self.labels[rows], 10).float()


WORKLOADS = {
    "mlp": lambda phase: SearchRunner(WeightGatedMlp, phase),
    "cnn": lambda phase: SearchRunner(UnitGatedCnn, phase),
    "vgg": lambda phase: SearchRunner(WeightGatedVgg, phase),
    "resnet": lambda phase: SearchRunner(GatedResnet, phase),
    "resnetBlocks": lambda phase: SearchRunner(lambda generator: GatedResnet(generator, blocks=True), phase),
    "cell": lambda phase: SearchRunner(GatedCell, phase),
    "fewShot": lambda phase: FewShotRunner(phase == "together"),
    "data": lambda phase: DataRunner(phase),
}


def answer(value):
    print(json.dumps(value), flush=True)


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


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
            begun, used = time.perf_counter(), time.process_time()
            runner.run(request["iterations"])
            wall, cpu = time.perf_counter() - begun, time.process_time() - used
            answer({"wall": 1000 * wall, "cpu": 1000 * cpu})
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            answer({"bytes": memory(), "peakBytes": peak, "tensors": 0})


main()
