// What the MCP SDK uses of zod. In the module that is made of the SDK, this file stands in for `zod/v4` (bundle-libraries.ts), whose schemas
// bring the methods of all kinds of schemas along. Here they have those that the SDK calls, made of functions of zod that come one by one.
// That copy of zod is the module's own, so its classes may be added to.
import * as zod from "zod/mini";
import { _coercedNumber, _isoDateTime, config, type $RefinementCtx, type $ZodISODateTimeParams } from "zod/v4/core";
import en from "zod/v4/locales/en.js";

export {
  any,
  array,
  boolean,
  custom,
  discriminatedUnion,
  enum,
  intersection,
  literal,
  looseObject,
  NEVER,
  null,
  number,
  object,
  optional,
  record,
  string,
  union,
  unknown,
  url
} from "zod/mini";

type Schema = zod.ZodMiniType;

export const ZodIssueCode = { custom: "custom" };

export const coerce = { number: () => _coercedNumber(zod.ZodMiniNumber) };

export const iso = { datetime: (options: $ZodISODateTimeParams) => _isoDateTime(zod.ZodMiniISODateTime, options) };

export const preprocess = (change: (value: unknown) => unknown, schema: Schema) =>
  zod.pipe(zod.transform(change), schema);

addMethods(
  [
    zod.ZodMiniAny,
    zod.ZodMiniArray,
    zod.ZodMiniBoolean,
    zod.ZodMiniCatch,
    zod.ZodMiniCustom,
    zod.ZodMiniDefault,
    zod.ZodMiniDiscriminatedUnion,
    zod.ZodMiniEnum,
    zod.ZodMiniIntersection,
    zod.ZodMiniISODateTime,
    zod.ZodMiniLiteral,
    zod.ZodMiniNull,
    zod.ZodMiniNumber,
    zod.ZodMiniObject,
    zod.ZodMiniOptional,
    zod.ZodMiniPipe,
    zod.ZodMiniRecord,
    zod.ZodMiniString,
    zod.ZodMiniUnion,
    zod.ZodMiniUnknown,
    zod.ZodMiniURL
  ],
  {
    catch(this: Schema, value: unknown) {
      // What `zod.catch` does, which brings all helpers of zod along.
      return new zod.ZodMiniCatch({ type: "catch", innerType: this, catchValue: () => value });
    },
    default(this: Schema, value: unknown) {
      return zod._default(this, value as never);
    },
    describe(this: Schema) {
      return this;
    },
    optional(this: Schema) {
      return zod.optional(this);
    },
    or(this: Schema, other: Schema) {
      return zod.union([this, other]);
    },
    refine(this: Schema, isValid: (value: unknown) => boolean, params?: string | { message: string }) {
      return this.check(zod.refine(isValid, params));
    },
    superRefine(this: Schema, refine: (value: unknown, context: $RefinementCtx) => void) {
      return this.check(zod.superRefine(refine));
    },
    transform(this: Schema, change: (value: unknown) => unknown) {
      return zod.pipe(this, zod.transform(change));
    }
  }
);

addMethods([zod.ZodMiniArray], {
  max(this: zod.ZodMiniArray, length: number) {
    return this.check(zod.maxLength(length));
  }
});

addMethods([zod.ZodMiniNumber], {
  int(this: zod.ZodMiniNumber) {
    return this.check(zod.int());
  },
  max(this: zod.ZodMiniNumber, value: number) {
    return this.check(zod.lte(value));
  },
  min(this: zod.ZodMiniNumber, value: number) {
    return this.check(zod.gte(value));
  },
  nonnegative(this: zod.ZodMiniNumber) {
    return this.check(zod.nonnegative());
  }
});

addMethods([zod.ZodMiniObject], {
  catchall(this: zod.ZodMiniObject, rest: Schema) {
    return zod.catchall(this, rest);
  },
  extend(this: zod.ZodMiniObject, shape: Record<string, Schema>) {
    return zod.extend(this, shape);
  },
  loose(this: zod.ZodMiniObject) {
    return zod.catchall(this, zod.unknown());
  },
  merge(this: zod.ZodMiniObject, other: zod.ZodMiniObject) {
    return zod.merge(this, other);
  },
  omit(this: zod.ZodMiniObject, mask: Record<string, true>) {
    return zod.omit(this, mask as never);
  },
  pick(this: zod.ZodMiniObject, mask: Record<string, true>) {
    return zod.pick(this, mask as never);
  },
  strict(this: zod.ZodMiniObject) {
    return zod.catchall(this, zod.never());
  },
  strip(this: zod.ZodMiniObject) {
    return zod.catchall(this, undefined as never);
  }
});

addMethods([zod.ZodMiniString], {
  startsWith(this: zod.ZodMiniString, prefix: string) {
    return this.check(zod.startsWith(prefix));
  },
  url(this: zod.ZodMiniString) {
    return this.check(zod.url());
  }
});

// The words of what is wrong with an answer. Those of the program, if it has chosen, stay.
if (!config().localeError) config(en());

/** Adds to the classes, out of sight of zod, which would bind each enumerable one to each schema. */
function addMethods(classes: readonly { prototype: object }[], methods: Record<string, unknown>): void {
  for (const { prototype } of classes) {
    for (const [name, value] of Object.entries(methods)) Object.defineProperty(prototype, name, { value });
  }
}
