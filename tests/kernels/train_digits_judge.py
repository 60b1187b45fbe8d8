"""Trains the classifier whose weights are shipped as kernels/data/digits_judge.npz; run it to make them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kernels import datasets, digits_judge


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = datasets.load_digits()
    x = torch.tensor(digits.flat.reshape(-1, 1, 8, 8), dtype=torch.float32)
    y = torch.tensor(digits.labels.astype(np.int64))
    train, held = (torch.tensor(part) for part in digits_judge.split())
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    epochs = 50
    adam = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
    for _ in range(epochs):
        net.train()
        for part in train[torch.randperm(len(train))].split(64):
            adam.zero_grad()
            # Shifts by a pixel and a little noise stand for the writers that are missing.
            moved = torch.roll(x[part], (int(torch.randint(-1, 2, ())), int(torch.randint(-1, 2, ()))), (2, 3))
            seen = moved if torch.rand(()) < 0.5 else x[part]
            seen = seen + 0.1 * torch.randn_like(seen)
            torch.nn.functional.cross_entropy(net(seen), y[part]).backward()
            adam.step()
        decay.step()
    net.eval()
    with torch.no_grad():
        print("held-out accuracy", (net(x[held]).argmax(1) == y[held]).double().mean().item())
    names = {"W1": "0.weight", "b1": "0.bias", "W2": "2.weight", "b2": "2.bias"}
    names |= {"W3": "6.weight", "b3": "6.bias", "W4": "8.weight", "b4": "8.bias"}
    state = net.state_dict()
    arrays = {ours: state[theirs].numpy().astype(np.float16) for ours, theirs in names.items()}
    np.savez_compressed(Path(digits_judge.__file__).parent / "data" / "digits_judge.npz", **arrays)


if __name__ == "__main__":
    main()
