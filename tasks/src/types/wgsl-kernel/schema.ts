// The fields of a WGSL_KERNEL, as schemas. Which of them fit together is checked in check.ts.
import * as z from 'zod/mini';

/** A WGSL identifier; `__` and the prefix `udcs_` are kept for the text we inject. */
const identifierSchema = z.string().check(z.regex(/^(?!__)(?!udcs_)[A-Za-z][A-Za-z0-9_]{0,99}$/));

const axis = z.int().check(z.minimum(1), z.maximum(16_777_216));
const workgroupsSchema = z.tuple([axis, axis, axis]);

/** Numbers, or text that becomes one after `${index}` and `${entry.x}` are put in. */
const numberText = z.union([z.number(), z.boolean(), z.string().check(z.regex(/^(\$\{[^}]*\}|[-+0-9.eE])+$/), z.maxLength(64))]);

const DTYPES = ['f32', 'i32', 'u32', 'f16'] as const;
export type Dtype = (typeof DTYPES)[number];

const FIELD_TYPES = ['f32', 'i32', 'u32', 'f16', 'vec2f', 'vec3f', 'vec4f', 'vec2i', 'vec3i', 'vec4i', 'vec2u', 'vec3u', 'vec4u', 'mat4x4f'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** Field names that the system fills in. */
export const RESERVED_FIELDS = ['UDCS_INDEX', 'UDCS_COUNT', 'UDCS_ATTEMPT'] as const;

const fieldSchema = z.strictObject({
  /** As in the WGSL struct, or UDCS_INDEX, UDCS_COUNT, UDCS_ATTEMPT (no value: the system fills them in). */
  name: z.union([identifierSchema, z.enum(RESERVED_FIELDS)]),
  type: z.enum(FIELD_TYPES),
  value: z.optional(z.union([numberText, z.array(numberText).check(z.minLength(2), z.maxLength(16))])),
});
export type Field = z.infer<typeof fieldSchema>;

const bindingSchema = z.strictObject({
  group: z.int().check(z.minimum(0), z.maximum(3)),
  binding: z.int().check(z.minimum(0), z.maximum(999)),
  /** `storage` is read_write in the shader, `read-storage` is read. */
  kind: z.enum(['uniform', 'storage', 'read-storage']),
  dtype: z._default(z.enum(DTYPES), 'f32'),
  /** Elements per dimension; may be left out when input, values or fields say the size. */
  shape: z.optional(z.array(z.int().check(z.minimum(1), z.maximum(1_073_741_824))).check(z.minLength(1), z.maxLength(8))),
  /** At most one of these three fills the buffer; none = zeros. */
  input: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
  values: z.optional(z.array(numberText).check(z.minLength(1), z.maxLength(65_536))),
  /** Members of a uniform (or read-storage) struct, in order; laid out by WGSL's rules. */
  fields: z.optional(z.array(fieldSchema).check(z.minLength(1), z.maxLength(128))),
  /** Name of the job output that receives the buffer's bytes, raw and little-endian. */
  output: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
});
export type Binding = z.infer<typeof bindingSchema>;

export const wgslKernelSpecSchema = z.strictObject({
  code: z.string().check(z.minLength(1), z.maxLength(262_144)),
  entryPoint: z._default(identifierSchema, 'main'),
  /** Workgroups to dispatch in x, y, z. */
  workgroups: z.optional(workgroupsSchema),
  /** Instead of workgroups: several dispatches over the same buffers, in order. */
  passes: z.optional(
    z.array(z.strictObject({ entryPoint: z._default(identifierSchema, 'main'), workgroups: workgroupsSchema })).check(z.minLength(1), z.maxLength(1_024)),
  ),
  bindings: z.array(bindingSchema).check(z.minLength(1), z.maxLength(64)),
  /** Values of `override` declarations. */
  overrides: z._default(z.record(identifierSchema, numberText).check(z.refine((record) => Object.keys(record).length <= 64, 'at most 64 overrides')), {}),
  requiredFeatures: z._default(z.array(z.string().check(z.regex(/^[a-z0-9-]{1,60}$/))).check(z.maxLength(16)), []),
  requiredLimits: z._default(
    z
      .record(z.string().check(z.regex(/^[A-Za-z0-9]{1,60}$/)), z.int().check(z.nonnegative()))
      .check(z.refine((record) => Object.keys(record).length <= 32, 'at most 32 limits')),
    {},
  ),
  /** Lets the dispatch be cut along an axis; the shader adds `offset` to its workgroup_id (or its global id divided by the group size) there. */
  split: z.optional(
    z.strictObject({
      axis: z.enum(['x', 'y', 'z']),
      /** A u32 uniform field or a u32 override that receives the first workgroup of each piece. */
      offset: identifierSchema,
    }),
  ),
  /** Goal for one submit when split is given. */
  maxDispatchMs: z._default(z.int().check(z.minimum(1), z.maximum(10_000)), 50),
  /** Loop iterations one invocation may make, all loops together; past it the task ends with LOOP_BUDGET. */
  maxLoopIterations: z._default(z.int().check(z.minimum(1), z.maximum(1_000_000_000)), 1_000_000),
});
export type WgslKernelSpec = z.infer<typeof wgslKernelSpecSchema>;
