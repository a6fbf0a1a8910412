"""The trade-off as a picture: how long the caller waits against how often we cut in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def plot(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """One panel for the median and one for the 95th percentile; the goal is the green corner."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "offhook"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
    goals = {"p50": 450, "p95": 900}
    for axis, which in zip(axes, ("p50", "p95"), strict=True):
        axis.axvspan(0, goals[which], ymax=0.03 / 1.02, color="tab:green", alpha=0.35)
        for name, points in curves.items():
            x = [point[f"decided_{which}_ms"] for point in points]
            y = [point["cut_share"] for point in points]
            style = "o-" if len(points) > 1 else "s"
            axis.plot(x, y, style, label=name, markersize=4 if len(points) > 1 else 7)
            for point, at_x, at_y in zip(points, x, y, strict=True):
                axis.annotate(point["label"], (at_x, at_y), fontsize=6, xytext=(3, 3),
                              textcoords="offset points")  # fmt: skip
        axis.set_xlabel(f"true end of speech to turn decided, {which} (ms)")
        axis.set_xlim(left=0)
        axis.set_ylim(0, 1.02)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("thinking pauses cut into (share)")
    axes[1].legend(fontsize=7)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
