"""Writes the data sets of examples/data that scikit-learn brings along: python3 tools/datasets/shipped.py"""

import pathlib

from sklearn import datasets

folder = pathlib.Path(__file__).parents[2] / "examples/data"

for name, load, target in [
    ("iris", datasets.load_iris, "species"),
    ("wine", datasets.load_wine, "cultivar"),
    ("breast-cancer", datasets.load_breast_cancer, "diagnosis"),
    ("diabetes", datasets.load_diabetes, "progression"),
]:
    data = load(as_frame=True, **({"scaled": False} if name == "diabetes" else {}))
    frame = data.frame.rename(columns={"target": target})
    if hasattr(data, "target_names"):
        frame[target] = [data.target_names[i] for i in frame[target]]
    frame.columns = [c.replace(" (cm)", "").replace(" ", "_").replace("/", "_") for c in frame.columns]
    frame.to_csv(folder / f"{name}.csv", index=False)
