/** Loads a trained model's two files and predicts the rows beside them: all that such a page needs. */
import { type Prediction, TabularModel } from "thalweg/tabular";

const bytesOf = async (name: string) => new Uint8Array(await (await fetch(name)).arrayBuffer());
const textOf = async (name: string) => (await fetch(name)).text();

const predictions: Record<string, readonly Prediction[]> = {};
for (const folder of JSON.parse(await textOf("models.json")) as string[]) {
  const model = TabularModel.load({
    "model.json": await textOf(`${folder}/model.json`),
    "model.safetensors": await bytesOf(`${folder}/model.safetensors`),
  });
  predictions[folder] = model.predict(JSON.parse(await textOf(`${folder}/rows.json`)));
}
Object.assign(globalThis, { predictions });
