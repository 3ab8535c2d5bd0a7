// What a page needs of @tensorflow/tfjs for this program: bundling this in its place shows the library at its smallest.
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";

export * from "@tensorflow/tfjs-core";
