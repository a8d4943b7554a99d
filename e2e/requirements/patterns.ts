import type { Page } from "./page.ts";

export const patterns = {
  "prompt-chaining": [7, "Each call processes the result of the one before."],
  "prompt-chaining-improves": [36, "What does not pass the check is written again."],
  routing: [55, "What a question is decides about its prompt."],
  "routing-model": [84, "How hard it is decides about its model."],
  parallelization: [100, "Several models review the same thing."],
  "parallelization-summary": [156, "Another call sums up what they said."],
  orchestrator: [166, "A model makes a plan."],
  workers: [193, "Each part of it has a worker, with the prompt of its kind."],
  evaluator: [229, "One model improves by what another says of it."],
  "evaluator-threshold": [272, "It ends when that is good."],
  "evaluator-limit": [240, "And after three rounds."]
} as const satisfies Page;
