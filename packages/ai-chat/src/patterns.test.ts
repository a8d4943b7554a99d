import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { talker } from "./test/chat-kit";
import { modelSaying, toldTo } from "./test/models";
import {
  generateMarketingCopy,
  handleCustomerQuery,
  implementFeature,
  parallelCodeReview,
  translateWithFeedback
} from "./test/patterns";

// The page "Patterns", inside an agent.

/** Models by name, each of which says what is listed for it; objects as JSON. */
function modelsSaying(steps: Record<string, unknown[]>) {
  const models = Object.fromEntries(
    Object.entries(steps).map(([name, said]) => [
      name,
      modelSaying(...said.map((step) => (typeof step === "string" ? step : JSON.stringify(step))))
    ])
  );
  return { openai: (name: string) => models[name]!, told: (name: string) => toldTo(models[name]!) };
}

const inside = <Result>(run: () => Promise<Result>) => runInDurableObject(talker("patterns"), run);

// proves patterns#prompt-chaining, patterns#prompt-chaining-improves
it.each([
  ["good copy", { hasCallToAction: true, emotionalAppeal: 8, clarity: 9 }, "Buy bees!"],
  ["copy that could be better", { hasCallToAction: false, emotionalAppeal: 8, clarity: 9 }, "Buy bees now!"]
])("prompt chaining: each call has the result of the one before it (%s)", async (_, metrics, copy) => {
  const { openai, told } = modelsSaying({ "gpt-4o": ["Buy bees!", metrics, "Buy bees now!"] });
  expect(await inside(() => generateMarketingCopy(openai, "bees"))).toEqual({ copy, qualityMetrics: metrics });
  const [, evaluated, rewritten] = told("gpt-4o");
  expect(evaluated).toContain("Copy to evaluate: Buy bees!");
  expect(rewritten?.includes("- A clear call to action")).toBe(metrics.hasCallToAction ? undefined : true);
});

// proves patterns#routing, patterns#routing-model
it.each([
  ["simple", "gpt-4o-mini", "o1-mini"],
  ["complex", "o1-mini", "gpt-4o-mini"]
])("routing: what is %s goes to %s", async (complexity, used, unused) => {
  const classification = { reasoning: "because", type: "refund", complexity };
  const { openai, told } = modelsSaying({ "gpt-4o": [classification], [used]: ["Sorry."], [unused]: [] });
  expect(await inside(() => handleCustomerQuery(openai, "My money!"))).toEqual({ response: "Sorry.", classification });
  expect(told(used)).toEqual([expect.stringMatching(/refund requests.*My money!/)]);
  expect(told(unused)).toEqual([]);
});

// proves patterns#parallelization, patterns#parallelization-summary
it("parallelization: several reviews of the same code, and one summary of them", async () => {
  const reviews = [
    { vulnerabilities: ["eval"], riskLevel: "high", suggestions: [] },
    { issues: [], impact: "low", optimizations: [] },
    { concerns: [], qualityScore: 3, recommendations: ["less"] }
  ];
  const { openai, told } = modelsSaying({ "gpt-4o": [...reviews, "Do not eval."] });
  const result = await inside(() => parallelCodeReview(openai, "eval(x)"));
  expect(result.summary).toBe("Do not eval.");
  expect(result.reviews.map(({ type }) => type)).toEqual(["security", "performance", "maintainability"]);
  const summed = told("gpt-4o").at(-1);
  for (const word of ["vulnerabilities", "optimizations", "qualityScore"]) expect(summed).toContain(word);
});

// proves patterns#orchestrator, patterns#workers
it("orchestrator and workers: each part of the plan has a worker", async () => {
  const files = ["create", "delete"].map((changeType) => ({ purpose: "p", filePath: `${changeType}.ts`, changeType }));
  const plan = { files, estimatedComplexity: "low" };
  const change = { explanation: "e", code: "c" };
  const { openai, told } = modelsSaying({ o1: [plan], "gpt-4o": [change, change] });
  const result = await inside(() => implementFeature(openai, "bees"));
  expect(result).toEqual({ plan, changes: files.map((file) => ({ file, implementation: change })) });
  expect(told("gpt-4o")).toEqual([
    expect.stringMatching(/implementing new files.*create\.ts/),
    expect.stringMatching(/removing code.*delete\.ts/)
  ]);
});

const evaluation = (qualityScore: number) => ({
  qualityScore,
  preservesTone: true,
  preservesNuance: true,
  culturallyAccurate: true,
  specificIssues: ["too short"],
  improvementSuggestions: ["be longer"]
});

// proves patterns#evaluator, patterns#evaluator-threshold, patterns#evaluator-limit
it.each([
  ["until it is good", [evaluation(5), "Bienen!", evaluation(8)], "Bienen!", 1],
  ["three times at most", [evaluation(1), "one", evaluation(1), "two", evaluation(1), "three"], "three", 3]
])("evaluator and optimizer: improves %s", async (_, said, finalTranslation, iterationsRequired) => {
  const { openai, told } = modelsSaying({ "gpt-4o-mini": ["Biene"], "gpt-4o": said });
  const result = await inside(() => translateWithFeedback(openai, "bees", "German"));
  expect(result).toEqual({ finalTranslation, iterationsRequired });
  expect(told("gpt-4o")[1]).toMatch(/too short.*be longer.*Biene/s);
});
