"""The TensorFlow side of the benchmark: search steps and steps with fixed gates as one graph each, compiled by tf.function,
with TensorFlow's own fused ops; the algorithm, sizes, batches and threads are those of twin.py."""

import json
import math
import os
import resource
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

COLD, HOT, BOUND = 0.05, 1.0, 3.0
GATE_STEP, WEIGHT_STEP, DENSITY = 0.3, 0.003, 0.1
SCALE = GATE_STEP / (4 * HOT * HOT)


def half_dual(x):
    return (x / HOT + math.sinh(x / HOT)) / 2


def newton_steps():
    """As many as the largest move of a logit needs."""
    steps, error = 0, SCALE / 2
    while error > 1e-8:
        steps, error = steps + 1, error * error * math.exp(2 * error)
    return steps


class Relaxation:
    """The adaptive update of the two-temperature relaxation, with the accumulators of its certificate."""

    def __init__(self, count):
        logits = 0.5 + 0.01 * tf.random.uniform([count], -1, 1)
        self.logits = tf.Variable(logits)
        self.dual = tf.Variable((logits / HOT + tf.sinh(logits / HOT)) / 2)
        self.square, self.products, self.vector = [tf.Variable(tf.zeros([count])) for _ in range(3)]

    def gates(self):
        return tf.sigmoid(self.logits / COLD)

    def step(self, gates, g):
        self.products.assign_add(g * gates)
        self.vector.assign_add(g)
        move = tf.math.multiply_no_nan(g, tf.math.rsqrt(self.square.assign_add(g * g)))
        bound = half_dual(BOUND)
        dual = self.dual.assign(tf.clip_by_value(self.dual - SCALE * move, -bound, bound))
        p = self.logits / (2 * HOT)
        for _ in range(newton_steps()):
            h = tf.tanh(p)
            p = p - 0.5 * (h + (p - dual) * (1 - h * h))
        self.logits.assign(p * (2 * HOT))
        return 2 * tf.nn.l2_loss(g), tf.reduce_max(tf.abs(g))


def open_factor(gates):
    """What keeps the variance of a sum over gated terms; no gradient passes through it."""
    return tf.math.rsqrt(tf.maximum(tf.reduce_mean(tf.stop_gradient(gates)), 1 / gates.shape[0]))


class WeightGatedMlp:
    """Dense layers with a gate a weight."""

    batch, shape, sizes = 128, (784,), [784, 300, 100, 10]

    def __init__(self):
        self.pairs = list(zip(self.sizes, self.sizes[1:]))
        self.gate_sizes = [a * b for a, b in self.pairs]

    def draw(self):
        layers = [[tf.random.normal([a, b]) * math.sqrt(2 / a), tf.zeros([b])] for a, b in self.pairs]
        return [weight for layer in layers for weight in layer]

    def forward(self, weights, gates, x):
        for i, own in enumerate(tf.split(gates, self.gate_sizes)):
            masked = weights[2 * i] * tf.reshape(own * open_factor(own), self.pairs[i])
            x = tf.nn.bias_add(tf.matmul(x, masked), weights[2 * i + 1])
            if i + 2 < len(self.sizes):
                x = tf.nn.relu(x)
        return x


class UnitGatedCnn:
    """Convolutions with bias, batch normalisation and relu; a gate a channel acts where the next layer reads it."""

    batch, shape, gate_sizes = 64, (32, 32, 3), [32, 32, 64, 64]

    def draw(self):
        weights, channels = [], 3
        for count in self.gate_sizes:
            drawn = tf.random.normal([3, 3, channels, count]) * math.sqrt(2 / (9 * channels))
            weights += [drawn, tf.zeros([count]), tf.ones([count]), tf.zeros([count])]
            channels = count
        return weights + [tf.random.normal([64 * 8 * 8, 10]) * 0.02, tf.zeros([10])]

    def forward(self, weights, gates, x):
        for i, own in enumerate(tf.split(gates, self.gate_sizes)):
            w, bias, gamma, beta = weights[4 * i : 4 * i + 4]
            x = tf.nn.bias_add(tf.nn.conv2d(x, w, 1, "SAME"), bias)
            x, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=1e-3, is_training=True
            )
            x = tf.nn.relu(x)
            if i % 2 == 1:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = x * (own * open_factor(own))
        return tf.nn.bias_add(tf.matmul(tf.reshape(x, [self.batch, -1]), weights[-2]), weights[-1])


class Search:
    """Weights trained beside the gates and drawn anew every 100 steps; price of complexity steered to the density."""

    def __init__(self, network, phase):
        self.network, self.phase = network, phase
        self.data, self.labels = tf.random.uniform([2048, *network.shape]), tf.range(2048) % 10
        self.count = sum(network.gate_sizes)
        self.relaxation = Relaxation(self.count)
        self.fixed = tf.fill([self.count], 0.6)
        self.weights = [tf.Variable(weight) for weight in network.draw()]
        self.moments = [[tf.Variable(tf.zeros_like(weight)) for weight in self.weights] for _ in range(2)]
        self.price, self.done, self.since = 0.1, 0, 0
        self.order, self.next = None, 0

    def rows(self):
        size = self.network.batch
        if self.order is None or self.next + size > 2048:
            self.order, self.next = tf.random.shuffle(tf.range(2048)), 0
        self.next += size
        return self.order[self.next - size : self.next]

    @tf.function
    def redraw(self):
        for variable, drawn in zip(self.weights, self.network.draw()):
            variable.assign(drawn)
        for variable in self.moments[0] + self.moments[1]:
            variable.assign(tf.zeros_like(variable))

    def adam(self, gradients, powers):
        for weight, first, second, gradient in zip(self.weights, *self.moments, gradients):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle, m=first.handle, v=second.handle, beta1_power=powers[0], beta2_power=powers[1],
                lr=WEIGHT_STEP, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient,
            )

    def loss(self, gates, rows):
        logits = self.network.forward(self.weights, gates, tf.gather(self.data, rows))
        labels = tf.gather(self.labels, rows)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    @tf.function
    def train(self, rows, powers):
        with tf.GradientTape() as tape:
            loss = self.loss(self.fixed, rows)
        self.adam(tape.gradient(loss, self.weights), powers)
        return loss

    @tf.function
    def advance(self, rows, powers, price):
        gates = self.relaxation.gates()
        with tf.GradientTape() as tape:
            tape.watch(gates)
            loss = self.loss(gates, rows)
        pulls, *gradients = tape.gradient(loss, [gates, *self.weights])
        self.adam(gradients, powers)
        squares, largest = self.relaxation.step(gates, pulls + price / self.count)
        return tf.stack([loss, tf.reduce_mean(gates), squares, largest])

    def step(self):
        if self.done > 0 and self.done % 100 == 0:
            self.redraw()
            self.since = 0
        self.since += 1
        powers = tf.constant([0.9**self.since, 0.999**self.since])
        if self.phase == "masked":
            self.train(self.rows(), powers).numpy()
        else:
            loss, complexity, squares, _ = self.advance(self.rows(), powers, tf.constant(self.price)).numpy()
            if not math.isfinite(loss) or not math.isfinite(squares):
                raise ValueError("the loss or the gradient isn't finite")
            target = DENSITY ** min(1, self.done / (0.7 * 1e9))
            self.price *= math.exp(0.02 * max(-1, min(1, (complexity - target) / target)))
        self.done += 1


WORKLOADS = {"mlp": WeightGatedMlp, "cnn": UnitGatedCnn}


def answer(value):
    print(json.dumps(value), flush=True)


def main():
    tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    answer({"ready": 0, "engine": "tensorflow", "version": tf.__version__})
    search = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            search = Search(WORKLOADS[request["open"]](), request["phase"])
            answer({"opened": request["open"]})
        elif "iterations" in request:
            begun, used = time.perf_counter(), time.process_time()
            for _ in range(request["iterations"]):
                search.step()
            wall, cpu = time.perf_counter() - begun, time.process_time() - used
            answer({"wall": 1000 * wall, "cpu": 1000 * cpu})
        else:
            answer({"peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


main()
