import { generateObject, generateText, type LanguageModel } from "ai";
import { z } from "zod";

// The page "Patterns" as it is, but that the models are the caller's.

type Models = (name: string) => LanguageModel;

export async function generateMarketingCopy(openai: Models, input: string) {
  const model = openai("gpt-4o");
  const { text: copy } = await generateText({
    model,
    prompt: `Write persuasive marketing copy for: ${input}. Focus on benefits and emotional appeal.`
  });
  const { object: qualityMetrics } = await generateObject({
    model,
    schema: z.object({
      hasCallToAction: z.boolean(),
      emotionalAppeal: z.number().min(1).max(10),
      clarity: z.number().min(1).max(10)
    }),
    prompt: `Evaluate this marketing copy for:
    1. Presence of call to action (true/false)
    2. Emotional appeal (1-10)
    3. Clarity (1-10)
    Copy to evaluate: ${copy}`
  });
  if (!qualityMetrics.hasCallToAction || qualityMetrics.emotionalAppeal < 7 || qualityMetrics.clarity < 7) {
    const { text: improvedCopy } = await generateText({
      model,
      prompt: `Rewrite this marketing copy with:
      ${!qualityMetrics.hasCallToAction ? "- A clear call to action" : ""}
      ${qualityMetrics.emotionalAppeal < 7 ? "- Stronger emotional appeal" : ""}
      ${qualityMetrics.clarity < 7 ? "- Improved clarity and directness" : ""}
      Original copy: ${copy}`
    });
    return { copy: improvedCopy, qualityMetrics };
  }
  return { copy, qualityMetrics };
}

export async function handleCustomerQuery(openai: Models, query: string) {
  const { object: classification } = await generateObject({
    model: openai("gpt-4o"),
    schema: z.object({
      reasoning: z.string(),
      type: z.enum(["general", "refund", "technical"]),
      complexity: z.enum(["simple", "complex"])
    }),
    prompt: `Classify this customer query:
    ${query}
    Determine:
    1. Query type (general, refund, or technical)
    2. Complexity (simple or complex)
    3. Brief reasoning for classification`
  });
  const { text: response } = await generateText({
    model: classification.complexity === "simple" ? openai("gpt-4o-mini") : openai("o1-mini"),
    system: {
      general: "You are an expert customer service agent handling general inquiries.",
      refund: "You are a customer service agent specializing in refund requests.",
      technical: "You are a technical support specialist with deep product knowledge."
    }[classification.type],
    prompt: query
  });
  return { response, classification };
}

export async function parallelCodeReview(openai: Models, code: string) {
  const model = openai("gpt-4o");
  const level = z.enum(["low", "medium", "high"]);
  const prompt = `Review this code:
      ${code}`;
  const [securityReview, performanceReview, maintainabilityReview] = await Promise.all([
    generateObject({
      model,
      system: "You are an expert in code security.",
      schema: z.object({
        vulnerabilities: z.array(z.string()),
        riskLevel: level,
        suggestions: z.array(z.string())
      }),
      prompt
    }),
    generateObject({
      model,
      system: "You are an expert in code performance.",
      schema: z.object({ issues: z.array(z.string()), impact: level, optimizations: z.array(z.string()) }),
      prompt
    }),
    generateObject({
      model,
      system: "You are an expert in code quality.",
      schema: z.object({
        concerns: z.array(z.string()),
        qualityScore: z.number().min(1).max(10),
        recommendations: z.array(z.string())
      }),
      prompt
    })
  ]);
  const reviews = [
    { ...securityReview.object, type: "security" },
    { ...performanceReview.object, type: "performance" },
    { ...maintainabilityReview.object, type: "maintainability" }
  ];
  const { text: summary } = await generateText({
    model,
    system: "You are a technical lead summarizing multiple code reviews.",
    prompt: `Synthesize these code review results into a concise summary with key actions:
    ${JSON.stringify(reviews, null, 2)}`
  });
  return { reviews, summary };
}

export async function implementFeature(openai: Models, featureRequest: string) {
  const { object: implementationPlan } = await generateObject({
    model: openai("o1"),
    schema: z.object({
      files: z.array(
        z.object({
          purpose: z.string(),
          filePath: z.string(),
          changeType: z.enum(["create", "modify", "delete"])
        })
      ),
      estimatedComplexity: z.enum(["low", "medium", "high"])
    }),
    system: "You are a senior software architect planning feature implementations.",
    prompt: `Analyze this feature request and create an implementation plan:
    ${featureRequest}`
  });
  const fileChanges = await Promise.all(
    implementationPlan.files.map(async (file) => {
      const workerSystemPrompt = {
        create: "You are an expert at implementing new files.",
        modify: "You are an expert at modifying existing code.",
        delete: "You are an expert at safely removing code."
      }[file.changeType];
      const { object: change } = await generateObject({
        model: openai("gpt-4o"),
        schema: z.object({ explanation: z.string(), code: z.string() }),
        system: workerSystemPrompt,
        prompt: `Implement the changes for ${file.filePath} to support:
        ${file.purpose}
        Consider the overall feature context:
        ${featureRequest}`
      });
      return { file, implementation: change };
    })
  );
  return { plan: implementationPlan, changes: fileChanges };
}

export async function translateWithFeedback(openai: Models, text: string, targetLanguage: string) {
  let currentTranslation = "";
  let iterations = 0;
  const MAX_ITERATIONS = 3;
  const { text: translation } = await generateText({
    model: openai("gpt-4o-mini"),
    system: "You are an expert literary translator.",
    prompt: `Translate this text to ${targetLanguage}, preserving tone and cultural nuances:
    ${text}`
  });
  currentTranslation = translation;
  while (iterations < MAX_ITERATIONS) {
    const { object: evaluation } = await generateObject({
      model: openai("gpt-4o"),
      schema: z.object({
        qualityScore: z.number().min(1).max(10),
        preservesTone: z.boolean(),
        preservesNuance: z.boolean(),
        culturallyAccurate: z.boolean(),
        specificIssues: z.array(z.string()),
        improvementSuggestions: z.array(z.string())
      }),
      system: "You are an expert in evaluating literary translations.",
      prompt: `Evaluate this translation:
      Original: ${text}
      Translation: ${currentTranslation}`
    });
    if (
      evaluation.qualityScore >= 8 &&
      evaluation.preservesTone &&
      evaluation.preservesNuance &&
      evaluation.culturallyAccurate
    ) {
      break;
    }
    const { text: improvedTranslation } = await generateText({
      model: openai("gpt-4o"),
      system: "You are an expert literary translator.",
      prompt: `Improve this translation based on the following feedback:
      ${evaluation.specificIssues.join("\n")}
      ${evaluation.improvementSuggestions.join("\n")}
      Original: ${text}
      Current Translation: ${currentTranslation}`
    });
    currentTranslation = improvedTranslation;
    iterations++;
  }
  return { finalTranslation: currentTranslation, iterationsRequired: iterations };
}
