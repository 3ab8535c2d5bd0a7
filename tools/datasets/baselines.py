"""scikit-learn's comparable models on the same split, for tools/datasets/figures.mjs.

Reads from standard input {"file", "target", "task", "validation": [row numbers]} and prints the validation rows' figures.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
asked = json.load(sys.stdin)
frame = pd.read_csv(asked["file"])
held = np.zeros(len(frame), bool)
held[asked["validation"]] = True
target = asked["target"]
known = frame[target].notna().to_numpy()
x = frame.drop(columns=[target])
# Text that hardly repeats says nothing, here as there.
x = x.drop(columns=[c for c in x if x[c].dtype.kind not in "fiub" and x[c].nunique() > max(50, len(x) / 2)])
y = frame[target]
train, test = known & ~held, known & held


def prepare():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), make_column_selector(dtype_exclude="number")),
    )


figures = {}
if asked["task"] == "regression":
    scale = StandardScaler().fit(y[train].to_numpy()[:, None])
    z = scale.transform(y[train].to_numpy()[:, None])[:, 0]
    models = {"linear": LinearRegression(), "mlp": MLPRegressor(hidden_layer_sizes=(64, 64), early_stopping=True, max_iter=500, random_state=0)}
    for name, model in models.items():
        fitted = make_pipeline(prepare(), model).fit(x[train], z)
        said = scale.inverse_transform(fitted.predict(x[test])[:, None])[:, 0]
        figures[name] = {"rmse": root_mean_squared_error(y[test], said), "r2": r2_score(y[test], said)}
else:
    models = {"linear": LogisticRegression(max_iter=2000), "mlp": MLPClassifier(hidden_layer_sizes=(64, 64), early_stopping=True, max_iter=500, random_state=0)}
    for name, model in models.items():
        fitted = make_pipeline(prepare(), model).fit(x[train], y[train].astype(str))
        p = fitted.predict_proba(x[test])
        figures[name] = {
            "accuracy": accuracy_score(y[test].astype(str), fitted.predict(x[test])),
            "logLoss": log_loss(y[test].astype(str), p, labels=fitted.classes_),
        }
print(json.dumps(figures))
