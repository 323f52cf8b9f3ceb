"""The modules of the zoo: each small, and made to show one thing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn


class SimpleMLP(nn.Module):
    """One linear layer in a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(10, 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (PyTorch's own name for it)
        """Shape (N, 10) to (N, 2)."""
        y: Tensor = self.linear(input)  # (N, 2)
        return y


class MLP(nn.Module):
    """Three linear layers with an activation module after each of the first two."""

    def __init__(self, activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.relu = activation()
        self.fc2 = nn.Linear(16, 16)
        self.relu2 = activation()
        self.fc3 = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.relu(self.fc1(x))  # (N, 16)
        x = self.relu2(self.fc2(x))  # (N, 16)
        y: Tensor = self.fc3(x)  # (N, 4)
        return y


class CNN(nn.Module):
    """Two rounds of convolution, batch norm and ReLU, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 3, 16, 16) to (N, 4)."""
        x = self.relu1(self.bn1(self.conv1(x)))  # (N, 8, 16, 16)
        x = self.pool(x)  # (N, 8, 8, 8)
        x = self.relu2(self.bn2(self.conv2(x)))  # (N, 16, 8, 8)
        x = self.flatten(self.average(x))  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W), unchanged."""
        change = self.relu1(self.bn1(self.conv1(x)))  # (N, C, H, W)
        change = self.bn2(self.conv2(change))  # (N, C, H, W)
        y: Tensor = self.relu2(change + x)  # (N, C, H, W)
        return y


class Residual(nn.Module):
    """A residual block, an average over the image and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.block = ResidualBlock(8)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8, 8, 8) to (N, 4)."""
        x = self.block(x)  # (N, 8, 8, 8)
        x = self.flatten(self.average(x))  # (N, 8)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class LastStepLSTM(nn.Module):
    """An LSTM and a linear head on its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 5, 8) to (N, 4)."""
        steps, _ = self.lstm(x)  # (N, 5, 16)
        y: Tensor = self.head(steps[:, -1])  # (N, 4)
        return y


class Transformer(nn.Module):
    """One encoder layer and a linear head on the mean over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.1)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 6, 32) to (N, 4)."""
        x = self.encoder(x)  # (N, 6, 32)
        y: Tensor = self.head(x.mean(dim=1))  # (N, 4)
        return y


class Reused(nn.Module):
    """One layer called twice, and a second layer that holds the very same weight."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(16, 16)
        self.twin = nn.Linear(16, 16)
        self.twin.weight = self.step.weight
        self.activation = nn.Tanh()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 16) to (N, 4)."""
        x = self.activation(self.step(x))  # (N, 16)
        x = self.activation(self.step(x))  # (N, 16)
        x = self.activation(self.twin(x))  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class TwoHeads(nn.Module):
    """A trunk with two heads, and a dictionary as its output."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(8, 16)
        self.relu = nn.ReLU()
        self.class_head = nn.Linear(16, 3)
        self.value_head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Shape (N, 8) to `class` (N, 3) and `value` (N, 1)."""
        x = self.relu(self.trunk(x))  # (N, 16)
        return {"class": self.class_head(x), "value": self.value_head(x)}  # (N, 3), (N, 1)


class FiLM(nn.Module):
    """Features that two further inputs scale and shift (FiLM, arXiv:1709.07871)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.relu = nn.ReLU()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Shapes (N, 8), (N, 16) and (N, 16) to (N, 4)."""
        x = self.embed(x)  # (N, 16)
        x = self.relu(scale * x + shift)  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class DropoutMLP(nn.Module):
    """Two linear layers with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(8, 32)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.relu(self.fc1(x))  # (N, 32)
        x = self.dropout(x)  # (N, 32)
        y: Tensor = self.fc2(x)  # (N, 4)
        return y


class Containers(nn.Module):
    """Layers in a list and in a dictionary, which are modules that nobody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 16)])
        self.parts = nn.ModuleDict({"activation": nn.Tanh(), "head": nn.Linear(16, 4)})

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        for layer in self.layers:
            x = self.parts["activation"](layer(x))  # (N, 16)
        y: Tensor = self.parts["head"](x)  # (N, 4)
        return y


class EarlyExit(nn.Module):
    """A second block that runs only if the first one is active enough.

    Attributes:
        threshold: the mean of the first block's output above which the second block runs.
    """

    threshold = 0.001

    def __init__(self) -> None:
        super().__init__()
        # Without a bias the block maps zeros to zeros, which is below the threshold whatever the weights.
        self.block1 = nn.Sequential(OrderedDict(linear=nn.Linear(8, 16, bias=False), relu=nn.ReLU()))
        self.block2 = nn.Sequential(OrderedDict(linear=nn.Linear(16, 16), relu=nn.ReLU()))
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.block1(x)  # (N, 16)
        if x.mean() > self.threshold:
            x = self.block2(x)  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


def scalar_linear() -> nn.Module:
    """The worked example: `0.5 * x + 0.1`."""
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 0.5)
    nn.init.constant_(linear.bias, 0.1)
    return linear


def deep(activation: type[nn.Module], std: float) -> nn.Module:
    """Ten linear layers of 16 units with weights of the given standard deviation, each with an activation."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, 11):
        linear = nn.Linear(16, 16)
        nn.init.normal_(linear.weight, std=std)
        layers[f"linear{number}"] = linear
        layers[f"{activation.__name__.lower()}{number}"] = activation()
    return nn.Sequential(layers)
