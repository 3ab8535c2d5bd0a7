"""scikit-learn's comparable models on the same rows, for tools/datasets/figures.mjs.

Reads from standard input {"sets": [{"train", "test", "target", "task", "hidden"}]}, files whose rows none of the models share, and
prints for each set the figures on its test rows, and scikit-learn's version.
"""

import json
import sys
import warnings

import pandas as pd
import sklearn
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")


def prepare():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )


def figures(train, test, target, task, hidden):
    train, test = (pd.read_csv(file).dropna(subset=[target]) for file in (train, test))
    x = train.drop(columns=[target])
    # Text that hardly repeats says nothing, here as there.
    x = x.drop(columns=[c for c in x if x[c].dtype.kind not in "fiub" and x[c].nunique() > max(50, len(x) / 2)])
    text = [c for c in x if x[c].dtype.kind not in "fiu"]
    x[text] = x[text].astype(object)
    x_test = test[list(x)].astype({c: object for c in text})
    is_regression = task == "regression"
    mlp, linear = (MLPRegressor, LinearRegression()) if is_regression else (MLPClassifier, LogisticRegression(max_iter=2000))
    models = {
        "linear": linear,
        # All defaults but the sizes, and as many epochs as its own criterion asks for.
        "mlp": mlp(hidden_layer_sizes=hidden, max_iter=1000, random_state=0),
        # The same, stopping as Thalweg does: by rows that it keeps aside itself (a tenth, its default).
        "stopped": mlp(hidden_layer_sizes=hidden, max_iter=1000, random_state=0, early_stopping=True),
    }
    found = {}
    for name, model in models.items():
        pipeline = make_pipeline(prepare(), model)
        if is_regression:
            scale = StandardScaler().fit(train[[target]].to_numpy())
            pipeline.fit(x, scale.transform(train[[target]].to_numpy())[:, 0])
            said = scale.inverse_transform(pipeline.predict(x_test)[:, None])[:, 0]
            found[name] = {"rmse": root_mean_squared_error(test[target], said), "r2": r2_score(test[target], said)}
        else:
            pipeline.fit(x, train[target].astype(str))
            actual = test[target].astype(str)
            found[name] = {
                "accuracy": accuracy_score(actual, pipeline.predict(x_test)),
                "logLoss": log_loss(actual, pipeline.predict_proba(x_test), labels=pipeline.classes_),
            }
    return found


asked = json.load(sys.stdin)
print(json.dumps({"version": sklearn.__version__, "sets": [figures(**one) for one in asked["sets"]]}))
