"""Reads an architecture of twotemp: the masks of its gate groups as nested lists of 0 and 1.

    from read_architecture import read_masks
    masks = read_masks("architecture.json")          # {"hidden_1/kernel": [[0, 1, ...], ...], ...}
    kernel = numpy.array(masks["hidden_1/kernel"])   # or torch.tensor(...).T, as PyTorch puts units first
"""
import base64, hashlib, json, math, sys


def read_masks(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    if (data.get("format"), data.get("version")) != ("twotemp-architecture", 1):
        raise ValueError(f"{path}: not an architecture of version 1")
    model, groups = data["model"], data["groups"]
    layers = [[layer["className"], layer["outputShapes"], layer["weightShapes"]] for layer in model["layers"]]
    content = {"inputs": model["inputShapes"], "layers": layers,
               "groups": [[group["kind"], group["offset"], group["shape"]] for group in groups], "mask": data["mask"]}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if hashlib.sha256(text.encode()).hexdigest() != data["hash"]:
        raise ValueError(f"{path}: the file was changed")
    packed = base64.b64decode(data["mask"])
    bits = [packed[i // 8] >> (i % 8) & 1 for i in range(data["gateCount"])]

    def nested(flat, shape):
        step = math.prod(shape[1:])
        return flat if len(shape) < 2 else [nested(flat[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]

    return {group["name"]: nested(bits[group["offset"]:][:group["size"]], group["shape"]) for group in groups}


if __name__ == "__main__":
    print(json.dumps(read_masks(sys.argv[1])))
