#!/usr/bin/env python3
"""Training steps of networks beside the same networks in PyTorch (graph networks: PyTorch Geometric), on the same data, weights and cores.

    cargo bench --no-run --bench steps
    python3 benches/peers/steps.py target/release/fempipe target/release/deps/steps-HASH [--seconds 15] [--rounds 3] [--models nsls,gcvae]
    … --models gcvae,spai-gnn --areas 1.4e-3,3.5e-4,9e-5,3.6e-5   # growth with n

Needs torch, torch_geometric (but for neurkitt), h5py, SciPy. Both programs get the same samples in the same batches and, where a loss draws them, the same
random numbers. fempipe trains first; the peer starts from the weights that came out, and the loss of the first batch must agree. A step is: assembling the batch from ready samples (features, factors and index lists made
once), forward, backward, Adam. `ready` is PyTorch Geometric with its batches assembled beforehand. The programs take turns.
"""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

THREADS = 2

# As datasets/elliptic-small.toml, n about 500 with AREA = 1.4e-3.
ELLIPTIC = """
family = "elliptic"
samples = 60
[elliptic]
degree = 3
contrast = 10.0
[elliptic.mesh]
area = AREA
angle = 25.0
"""


def read_weights(path):
    import numpy as np, torch

    raw = Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + size])
    out = {}
    for name, info in head.items():
        if name.startswith("weights/"):
            a, b = info["data_offsets"]
            data = np.frombuffer(raw[8 + size + a : 8 + size + b], dtype=np.float32)
            out[name[8:]] = torch.tensor(data.reshape(info["shape"]).copy())
    return out


def read_systems(path):
    """(A, b, x, labels on tril(A)) of the training samples."""
    import h5py, numpy as np, scipy.sparse as sp

    with h5py.File(path) as f:
        s = f["systems"]
        for i in f["split/train"][:]:
            if "nnz_offsets" in s:
                e = slice(int(s["nnz_offsets"][i]), int(s["nnz_offsets"][i + 1]))
                r = slice(int(s["row_offsets"][i]), int(s["row_offsets"][i + 1]))
                n = r.stop - r.start
                indptr = s["indptr"][r.start + i : r.stop + i + 1]
                a = sp.csr_matrix((s["values"][e], s["indices"][e], indptr), shape=(n, n))
                yield a, s["rhs"][r], s["solution"][r], None
            else:
                n = s["rhs"].shape[1]
                a = sp.csr_matrix((s["values"][i], f["pattern/indices"][:], f["pattern/indptr"][:]), shape=(n, n))
                yield a, s["rhs"][i], s["solution"][i], s["labels/icc"][i] if "labels/icc" in s else None


def cg_iterates(a, b, count):
    import numpy as np

    x, r, p, out = np.zeros_like(b), b.copy(), b.copy(), []
    rr = r @ r
    for _ in range(count):
        ap = a @ p
        curvature = p @ ap
        if rr > 0 and curvature > 0:
            alpha = rr / curvature
            x, r = x + alpha * p, r - alpha * ap
            new = r @ r
            p, rr = r + new / rr * p, new
        out.append(x.copy())
    return out


def nsls(path, normals):
    import numpy as np, torch
    from torch_geometric.data import Data
    from torch_geometric.nn import GraphConv, GraphNorm
    from torch_geometric.utils import scatter

    unit = lambda v: v / max(np.abs(v).max(), 1e-300)
    data = []
    for a, b, x, _ in read_systems(path):
        a = a / np.abs(a.data).max()
        columns = [b, a.diagonal(), *cg_iterates(a, b, 14)]
        coo = a.tocoo()
        data.append(
            Data(
                x=torch.tensor(np.stack([unit(c) for c in columns], 1), dtype=torch.float32),
                edge_index=torch.tensor(np.stack([coo.col, coo.row]).astype(np.int64)),
                edge_weight=torch.tensor(coo.data, dtype=torch.float32),
                b=torch.tensor(unit(b), dtype=torch.float32),
                y=torch.tensor(unit(x), dtype=torch.float32),
            )
        )

    class Net(torch.nn.Module):
        def __init__(self, w=32, blocks=10):
            super().__init__()
            L = torch.nn.Linear
            self.encoder, self.d0, self.d1 = L(16, w), L(w, w), L(w, 1)
            self.norms = torch.nn.ModuleList(GraphNorm(w) for _ in range(blocks))
            self.convs = torch.nn.ModuleList(GraphConv(w, w) for _ in range(2 * blocks))

        def load(self, weights):
            dense = [("encoder", self.encoder), ("decoder.0", self.d0), ("decoder.1", self.d1)]
            for name, layer in dense:
                layer.weight.data = weights[f"{name}.weight"].T.contiguous()
                layer.bias.data = weights[f"{name}.bias"][0]
            for k, norm in enumerate(self.norms):
                part = lambda p: weights[f"block.{k}.norm.{p}"][0]
                norm.weight.data, norm.bias.data, norm.mean_scale.data = part("gamma"), part("beta"), part("alpha")
            for k, conv in enumerate(self.convs):
                part = lambda p: weights[f"block.{k // 2}.conv.{k % 2}.{p}"]
                conv.lin_root.weight.data = part("own").T.contiguous()
                conv.lin_rel.weight.data = part("others").T.contiguous()
                conv.lin_rel.bias.data = part("bias")[0]

        def forward(self, d):
            act = lambda t: torch.nn.functional.leaky_relu(t, 0.1)
            h = self.encoder(d.x)
            for k, norm in enumerate(self.norms):
                t = norm(h, d.batch, batch_size=d.num_graphs)
                t = act(self.convs[2 * k](t, d.edge_index, d.edge_weight))
                h = h + self.convs[2 * k + 1](t, d.edge_index, d.edge_weight)
            return self.d1(act(self.d0(h)))[:, 0]

    def loss(net, d):
        def cosine(u, v):
            dot = lambda p, q: scatter(p * q, d.batch, dim_size=d.num_graphs, reduce="sum")
            return (1 - dot(u, v) / (dot(u, u) * dot(v, v)).sqrt()).mean()

        x = net(d)
        j, i = d.edge_index
        ax = scatter(d.edge_weight * x[j], i, dim_size=x.shape[0], reduce="sum")
        return cosine(x, d.y) + cosine(ax, d.b)

    return data, Net(), loss


def precorrector(path, normals):
    import numpy as np, torch, scipy.sparse as sp
    from torch_geometric.data import Data
    from torch_geometric.utils import scatter

    data = []
    for a, b, x, icc in read_systems(path):
        root = np.sqrt(a.diagonal())
        rows = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))
        low = a.indices <= rows
        i, j = rows[low], a.indices[low]
        entries = icc / root[i]
        sums = np.asarray(abs(sp.diags(1 / root) @ a @ sp.diags(1 / root)).sum(1))[:, 0]
        data.append(
            Data(
                x=torch.tensor(np.stack([entries[i == j], 1 / sums], 1), dtype=torch.float32),
                edge_index=torch.tensor(np.stack([j, i]).astype(np.int64)),
                edge_attr=torch.tensor(entries[:, None], dtype=torch.float32),
                b=torch.tensor(b / root, dtype=torch.float32),
                y=torch.tensor(x * root, dtype=torch.float32),
            )
        )

    class Net(torch.nn.Module):
        def __init__(self, w=8, rounds=3):
            super().__init__()
            self.rounds, self.layers = rounds, torch.nn.ModuleDict()
            add = lambda name, p, q: self.layers.add_module(name.replace(".", "_"), torch.nn.Linear(p, q))
            add("encoder.edge", 1, w), add("encoder.node", 2, w), add("decoder.0", w, w), add("decoder.1", w, 1)
            for r in range(rounds):
                for kind in ["edge", "node"][: 1 if r + 1 == rounds else 2]:
                    for part in ["in.0", "in.1", "in.2", "out"]:
                        add(f"round.{r}.{kind}.{part}", w, w)
            self.alpha = torch.nn.Parameter(torch.zeros(()))

        def load(self, weights):
            for name, layer in self.layers.items():
                name = name.replace("_", ".")
                layer.weight.data = weights[f"{name}.weight"].T.contiguous()
                layer.bias.data = weights[f"{name}.bias"][0]
            self.alpha.data = weights["alpha"][0, 0]

        def forward(self, d):
            at = lambda name: self.layers[name.replace(".", "_")]
            j, i = d.edge_index
            n = d.x.shape[0]
            e, x = at("encoder.edge")(d.edge_attr), at("encoder.node")(d.x)
            for r in range(self.rounds):
                layer = lambda part: at(f"round.{r}.{part}")
                hidden = layer("edge.in.0")(e) + layer("edge.in.1")(x)[i] + layer("edge.in.2")(x)[j]
                e = e + layer("edge.out")(hidden.relu())
                if r + 1 == self.rounds:
                    break
                into = scatter(e, i, dim_size=n, reduce="mean")
                out = scatter(e, j, dim_size=n, reduce="mean")
                hidden = layer("node.in.0")(x) + layer("node.in.1")(into) + layer("node.in.2")(out)
                x = x + layer("node.out")(hidden.relu())
            h = at("decoder.1")(at("decoder.0")(e).relu())
            return (d.edge_attr + self.alpha * h)[:, 0]

    def loss(net, d):
        l, (j, i), n = net(d), d.edge_index, d.x.shape[0]
        y = scatter(l * d.y[i], j, dim_size=n, reduce="sum")
        r = scatter(l * y[j], i, dim_size=n, reduce="sum") - d.b
        square = lambda v: scatter(v * v, d.batch, dim_size=d.num_graphs, reduce="sum")
        return (square(r) / square(d.b)).mean()

    return data, Net(), loss


# Normal numbers that the bench wrote for a batch, before those of each sample.
NORMALS = 1 << 20


def equilibrated(a):
    import numpy as np

    root = np.sqrt(a.diagonal())
    # Entry by entry: a product of sparse matrices would drop stored zeros.
    scaled = a.copy()
    scaled.data /= root[np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))] * root[a.indices]
    return scaled, root


def linears(torch, shapes):
    """Named linear layers as a ModuleDict."""
    layers = torch.nn.ModuleDict()
    for name, (p, q) in shapes.items():
        layers.add_module(name.replace(".", "/"), torch.nn.Linear(p, q))
    return layers


class Loads:
    """Weights by name: linear layers in `layers`, LayerNorms in `norms`."""

    def at(self, name):
        return self.layers[name.replace(".", "/")]

    def load(self, weights):
        for name, layer in self.layers.items():
            name = name.replace("/", ".")
            layer.weight.data = weights[f"{name}.weight"].T.contiguous()
            layer.bias.data = weights[f"{name}.bias"][0]
        for name, norm in self.norms.items():
            name = name.replace("/", ".")
            norm.weight.data, norm.bias.data = weights[f"{name}.gamma"][0], weights[f"{name}.beta"][0]


def of_edges(torch, matrix):
    import numpy as np

    coo = matrix.tocoo()
    return torch.tensor(np.stack([coo.col, coo.row]).astype(np.int64)), coo


def spai_gnn(path, normals):
    import numpy as np, torch
    from torch_geometric.data import Data
    from torch_geometric.utils import scatter

    data = []
    for a, *_ in read_systems(path):
        a, _ = equilibrated(a)
        index, coo = of_edges(torch, a)
        own = (coo.row == coo.col).astype(np.float64)
        diagonal = a.diagonal()
        sums = np.asarray(abs(a).sum(1))[:, 0]
        start = 1 / np.sqrt(diagonal)
        f = lambda v: torch.tensor(v, dtype=torch.float32)
        data.append(
            Data(
                x=f(np.stack([start, diagonal / sums], 1)),
                edge_index=index,
                edge_attr=f(np.stack([coo.data, own], 1)),
                base=f((own * start[coo.row])[:, None]),
            )
        )

    class Net(Loads, torch.nn.Module):
        def __init__(self, w=24, rounds=4):
            super().__init__()
            self.rounds = rounds
            shapes = {"encoder.node": (2, w), "encoder.edge": (2, w)}
            for r in range(rounds):
                for part in ["edge.own", "edge.hidden", "edge.out", "edge.target", "edge.source"]:
                    shapes[f"round.{r}.{part}"] = (w, w)
                for part in ["node.own", "node.hidden", "node.out", "node.edges"]:
                    shapes[f"round.{r}.{part}"] = (w, w)
            shapes |= {f"decoder.{part}": (w, w) for part in ["own", "target", "source"]} | {"decoder.out": (w, 1)}
            self.layers = linears(torch, shapes)
            self.norms = torch.nn.ModuleDict(
                {f"round/{r}/{kind}/norm": torch.nn.LayerNorm(w) for r in range(rounds) for kind in ["edge", "node"]}
            )

        def forward(self, d):
            gelu = lambda t: torch.nn.functional.gelu(t, approximate="tanh")
            j, i = d.edge_index
            x, e = self.at("encoder.node")(d.x), self.at("encoder.edge")(d.edge_attr)
            for r in range(self.rounds):
                layer = lambda part: self.at(f"round.{r}.{part}")
                xn, en = self.norms[f"round/{r}/node/norm"](x), self.norms[f"round/{r}/edge/norm"](e)
                h = layer("edge.own")(en) + layer("edge.target")(xn)[i] + layer("edge.source")(xn)[j]
                e = e + layer("edge.out")(gelu(layer("edge.hidden")(gelu(h))))
                mean = scatter(e, i, dim_size=x.shape[0], reduce="mean")
                h = layer("node.own")(xn) + layer("node.edges")(mean)
                x = x + layer("node.out")(gelu(layer("node.hidden")(gelu(h))))
            layer = lambda part: self.at(f"decoder.{part}")
            h = layer("own")(e) + layer("target")(x)[i] + layer("source")(x)[j]
            return (d.base + layer("out")(gelu(h)))[:, 0]

    def loss(net, d, vectors=4, shift=3e-3):
        g, (j, i), n = net(d), d.edge_index, d.x.shape[0]
        a, total = d.edge_attr[:, 0], 0
        for w in torch.tensor(normals[: vectors * n].reshape(vectors, n), dtype=torch.float32):
            y = scatter(g * w[i], j, dim_size=n, reduce="sum")
            u = scatter(g * y[j], i, dim_size=n, reduce="sum") + shift * w
            r = scatter(a * u[j], i, dim_size=n, reduce="sum") - w
            square = lambda v: scatter(v * v, d.batch, dim_size=d.num_graphs, reduce="sum")
            total = total + (square(r) / square(w)).mean()
        return total / vectors

    return data, Net(), loss


def gcvae(path, normals):
    import numpy as np, torch, scipy.sparse as sp
    from scipy.sparse.linalg import splu
    from torch_geometric.data import Data
    from torch_geometric.utils import scatter, softmax

    class Pair(Data):
        def __inc__(self, key, value, *args, **kwargs):
            return self.num_nodes if key == "mask_index" else super().__inc__(key, value, *args, **kwargs)

        def __cat_dim__(self, key, value, *args, **kwargs):
            return 1 if key == "mask_index" else super().__cat_dim__(key, value, *args, **kwargs)

    data, at, probes, latent = [], NORMALS, 4, 8
    f = lambda v: torch.tensor(v, dtype=torch.float32)
    for a, *_ in read_systems(path):
        a, root = equilibrated(a)
        n = a.shape[0]
        index, coo = of_edges(torch, a)
        square = (a @ a).tocsr()
        inside = a.copy()
        inside.data[:] = 1
        beyond = (square - square.multiply(inside)).tocoo()
        order = np.lexsort((beyond.col, beyond.row, -abs(beyond.data)))[: int(0.2 * a.nnz)]
        rows, cols = np.r_[coo.row, beyond.row[order]], np.r_[coo.col, beyond.col[order]]
        order = np.lexsort((cols, rows))
        rows, cols = rows[order], cols[order]
        entry = np.asarray(a[rows, cols])[0]
        own = (rows == cols).astype(float)
        w = normals[at : at + probes * n].reshape(probes, n)
        at += probes * n
        x = splu(a.tocsc()).solve(w.T).T
        x /= np.sqrt((x * x).mean(1))[:, None]
        data.append(
            Pair(
                x=f(np.stack([root**2 / (root**2).mean(), 1 / np.asarray(abs(a).sum(1))[:, 0]], 1)),
                edge_index=index,
                edge_attr=f(coo.data[:, None]),
                mask_index=torch.tensor(np.stack([cols, rows]).astype(np.int64)),
                entries=f(np.stack([entry, np.asarray(square[rows, cols])[0], own], 1)),
                base=f(own[:, None]),
                probes=f(np.stack([w, x], 1).reshape(2 * probes, n).T),
            )
        )

    class Net(Loads, torch.nn.Module):
        def __init__(self, w=16, layers=3):
            super().__init__()
            self.count = layers
            shapes = {"encoder.node": (2, w)}
            for l in range(layers):
                shapes |= {f"encoder.{l}.{part}": (w, w) for part in ["target", "source", "out"]}
                shapes |= {f"encoder.{l}.edge": (1, w), f"encoder.{l}.score": (w, 1)}
            shapes |= {"posterior.node": (w, w), "posterior.inverse": (2 * probes, w), "posterior.hidden": (w, w)}
            shapes |= {"posterior.mean": (w, latent), "posterior.log_variance": (w, latent)}
            shapes |= {"decoder.latent": (latent, w), "decoder.entry": (3, w), "decoder.out": (w, 1)}
            shapes |= {f"decoder.{part}": (w, w) for part in ["target", "source", "hidden"]}
            self.layers = linears(torch, shapes)
            self.norms = torch.nn.ModuleDict({f"encoder/{l}/norm": torch.nn.LayerNorm(w) for l in range(layers)})

        def forward(self, d, noise):
            gelu = lambda t: torch.nn.functional.gelu(t, approximate="tanh")
            (j, i), n = d.edge_index, d.x.shape[0]
            x = self.at("encoder.node")(d.x)
            for l in range(self.count):
                layer = lambda part: self.at(f"encoder.{l}.{part}")
                xn = self.norms[f"encoder/{l}/norm"](x)
                source = layer("source")(xn)
                seen = layer("edge")(d.edge_attr) + layer("target")(xn)[i] + source[j]
                score = layer("score")(torch.nn.functional.leaky_relu(seen, 0.2))
                weight = softmax(score, i, num_nodes=n)
                x = x + layer("out")(gelu(scatter(weight * source[j], i, dim_size=n, reduce="sum")))
            layer = lambda part: self.at(f"posterior.{part}")
            h = scatter(gelu(layer("node")(x) + layer("inverse")(d.probes)), d.batch, dim_size=d.num_graphs, reduce="mean")
            h = gelu(layer("hidden")(h))
            mean, log_variance = layer("mean")(h), layer("log_variance")(h)
            z = mean + (log_variance / 2).exp() * noise
            layer, (j, i) = (lambda part: self.at(f"decoder.{part}")), d.mask_index
            x = x + layer("latent")(z)[d.batch]
            h = layer("entry")(d.entries) + layer("target")(x)[i] + layer("source")(x)[j]
            h = gelu(layer("hidden")(gelu(h)))
            return (d.base + layer("out")(h))[:, 0], mean, log_variance

    def loss(net, d, vectors=4, kl=0.1):
        n, graphs = d.x.shape[0], d.num_graphs
        noise, rest = normals[: graphs * latent], normals[graphs * latent :]
        r, mean, log_variance = net(d, f(noise.reshape(graphs, latent)))
        (j, i), a, total = d.mask_index, d.entries[:, 0], 0
        sizes = scatter(torch.ones(n), d.batch, dim_size=graphs, reduce="sum")
        for w in f(rest[: vectors * n].reshape(vectors, n)):
            u = scatter(r * w[j], i, dim_size=n, reduce="sum")
            v = scatter(a * u[j], i, dim_size=n, reduce="sum")
            d_ = scatter(r * v[i], j, dim_size=n, reduce="sum") - w
            total = total + (scatter(d_ * d_, d.batch, dim_size=graphs, reduce="sum") / sizes).mean()
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        return total / vectors + kl * divergence

    return data, Net(), loss


def neurkitt(path, normals, width=10, layers=4, modes=8, dim=10):
    """As the authors' code has it: channels first, 1×1 convolutions, torch.fft, thin QR."""
    import h5py, numpy as np, torch

    f = torch.nn.functional
    with h5py.File(path) as file:
        s, train = file["systems"], file["split/train"][:]
        field = s["fields/w"][:][train]
        vectors = s["labels/eigenvectors"][:][train]
        n = s["rhs"].shape[1]
    side, k = round(field.shape[1] ** 0.5), vectors.shape[1] // n
    at = np.linspace(0, 1, side)
    xs, ys = np.meshgrid(at, at)
    make = lambda w: torch.tensor(np.stack([np.log(w).reshape(side, side), xs, ys]), dtype=torch.float32)
    target = lambda v: torch.tensor(v.reshape(n, k)[:, :dim], dtype=torch.float32)
    data = [(make(w), target(v)) for w, v in zip(field, vectors)]
    gelu = lambda t: f.gelu(t, approximate="tanh")

    class Spectral(torch.nn.Module):
        def __init__(self):
            super().__init__()
            part = lambda: torch.nn.Parameter(torch.zeros(width, width, modes, modes, dtype=torch.cfloat))
            self.low, self.high = part(), part()

        def forward(self, x):
            seen = torch.fft.rfft2(x)
            made = torch.zeros(x.shape[0], width, side, side // 2 + 1, dtype=torch.cfloat)
            mix = lambda x, w: torch.einsum("bixy,ioxy->boxy", x, w)
            made[:, :, :modes, :modes] = mix(seen[:, :, :modes, :modes], self.low)
            made[:, :, -modes:, :modes] = mix(seen[:, :, -modes:, :modes], self.high)
            return torch.fft.irfft2(made, s=(side, side))

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleDict()
            add = lambda name, p, q: self.layers.add_module(name.replace(".", "/"), torch.nn.Conv2d(p, q, 1))
            add("lift.0", 3, width), add("lift.1", width, width), add("head.0", width, 40), add("head.1", 40, dim)
            for l in range(layers):
                for part in ["mlp.0", "mlp.1", "skip"]:
                    add(f"layer.{l}.{part}", width, width)
            self.spectral = torch.nn.ModuleList(Spectral() for _ in range(layers))

        def load(self, weights):
            for name, layer in self.layers.items():
                name = name.replace("/", ".")
                layer.weight.data = weights[f"{name}.weight"].T.contiguous()[:, :, None, None]
                layer.bias.data = weights[f"{name}.bias"][0]
            for l, spectral in enumerate(self.spectral):
                part = lambda p: weights[f"layer.{l}.spectral.{p}"].reshape(2 * modes, modes, width, width)
                whole = torch.complex(part("real"), part("imaginary")).permute(2, 3, 0, 1)
                spectral.low.data = whole[:, :, :modes].contiguous()
                spectral.high.data = whole[:, :, modes:].contiguous()

        def forward(self, x):
            at = lambda name: self.layers[name.replace(".", "/")]
            pointwise = lambda name, x: at(f"{name}.1")(gelu(at(f"{name}.0")(x)))
            x = pointwise("lift", x)
            for l, spectral in enumerate(self.spectral):
                change = f.instance_norm(spectral(f.instance_norm(x)))
                x = pointwise(f"layer.{l}.mlp", change) + at(f"layer.{l}.skip")(x)
                x = gelu(x) if l + 1 < layers else x
            x = pointwise("head", x)[:, :, 1:-1, 1:-1]
            return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, dim)

    def loss(net, batch):
        inputs, v = batch
        q, _ = torch.linalg.qr(net(inputs))
        return (v - q @ (q.transpose(1, 2) @ v)).norm(dim=1).sum(1).mean()

    return data, Net(), loss


def peer(model, path, batch, seconds, weights):
    """PyTorch's side, in a process of its own."""
    import numpy as np, torch

    if model == "neurkitt":
        join = lambda items: [torch.stack(parts) for parts in zip(*items)]
    else:
        from torch_geometric.data import Batch

        join = Batch.from_data_list
    torch.set_num_threads(THREADS)
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    normals = np.fromfile(Path(weights).with_suffix(".normals"))
    data, net, loss = MODELS[model](path, normals)
    net.load(read_weights(weights))
    groups = [data[k : k + batch] for k in range(0, len(data) - batch + 1, batch)]
    first = float(loss(net, join(groups[0])).detach())
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step(d):
        optimiser.zero_grad()
        loss(net, d).backward()
        optimiser.step()

    def run(make):
        times, begin, k = [], time.perf_counter(), 0
        while k < 15 or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            step(make(k % len(groups)))
            if k >= 5:
                times.append(time.perf_counter() - start)
            k += 1
        return [float(np.quantile(times, q)) for q in (0.25, 0.5, 0.75)]

    assembled = run(lambda k: join(groups[k]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ready = [join(g) for g in groups]
    out = dict(loss=first, seconds=assembled, ready=run(lambda k: ready[k]), peak_mib=peak, imported_mib=imported)
    out["parameters"] = sum(p.numel() * (2 if p.is_complex() else 1) for p in net.parameters())
    print(json.dumps(out))


MODELS = {"nsls": nsls, "precorrector": precorrector, "gcvae": gcvae, "spai-gnn": spai_gnn, "neurkitt": neurkitt}

# As datasets/darcy-eigen.toml.
DARCY = """
family = "darcy"
samples = SAMPLES
[darcy]
cells = CELLS
discretisation = "fd"
faces = "arithmetic"
[labels]
eigenpairs = 10
"""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary", help="fempipe")
    p.add_argument("bench", help="the bench `steps`, built")
    p.add_argument("--seconds", type=float, default=15)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--models", help="only these")
    p.add_argument("--cells", default="65", help="cells a side of the grids of neurkitt, for other n")
    p.add_argument("--areas", help="largest triangles of the meshes of gcvae and spai-gnn, for other n")
    args = p.parse_args()
    env = {**os.environ, "RAYON_NUM_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS)}
    with tempfile.TemporaryDirectory() as folder:
        work = {
            "nsls": ('family = "frame"\nsamples = 100\n', 16),
            "precorrector": (
                'family = "darcy"\nsamples = 30\n[darcy]\ncells = 64\ndiscretisation = "p1"\ncontrast = 1e4\n[labels]\nicc = true\n',
                4,
            ),
        }
        work = list((model, *rest) for model, rest in work.items())
        for area in (args.areas or "1.4e-3").split(","):
            work += [(model, ELLIPTIC.replace("AREA", area), 4) for model in ("gcvae", "spai-gnn")]
        for cells in args.cells.split(","):
            work.append(("neurkitt", DARCY.replace("CELLS", cells).replace("SAMPLES", "100" if int(cells) < 100 else "40"), 8))
        for number, (model, recipe, batch) in enumerate(work):
            if args.models and model not in args.models.split(","):
                continue
            text, data, weights = (f"{folder}/{model}-{number}.{end}" for end in ("toml", "h5", "safetensors"))
            Path(text).write_text(recipe)
            subprocess.run([args.binary, "generate", text, "-o", data], check=True, capture_output=True)
            ratios = []
            for _ in range(args.rounds):
                command = [args.bench, model, data, str(batch), str(args.seconds), weights]
                ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)
                command = [sys.executable, __file__, "--peer", model, data, str(batch), str(args.seconds), weights]
                theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)
                gap = abs(ours["loss"] - theirs["loss"]) / abs(theirs["loss"])
                if gap > 1e-3 or ours["parameters"] != theirs["parameters"]:
                    sys.exit(f"{model}: not the same network: {ours} {theirs}")
                ratios.append(theirs["seconds"][1] / ours["seconds"][1])
                print(
                    f"{model}: batch {batch}, {ours['nodes']} nodes, {ours['edges']} entries, {ours['parameters']} parameters, losses"
                    f" {ours['loss']:.6f} {theirs['loss']:.6f}\n"
                    f"  fempipe   {1 / ours['seconds'][1]:7.2f} steps/s  peak {ours['peak_mib']:6.0f} MiB\n"
                    f"  PyTorch   {1 / theirs['seconds'][1]:7.2f} steps/s  peak {theirs['peak_mib']:6.0f} MiB ({theirs['imported_mib']:.0f} after"
                    f" import), {1 / theirs['ready'][1]:.2f} steps/s with ready batches\n"
                    f"  ratio {ratios[-1]:.2f}, to ready batches {theirs['ready'][1] / ours['seconds'][1]:.2f}",
                    flush=True,
                )
            print(f"{model}: median ratio {sorted(ratios)[len(ratios) // 2]:.2f}\n", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        model, path, batch, seconds, weights = sys.argv[2:]
        peer(model, path, int(batch), float(seconds), weights)
    else:
        main()
