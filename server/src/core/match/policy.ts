// Does the worker's owner let this type in from people who are not the owner? The coordinator can not widen it.
import { refuse, type StaticChecker } from './checker.ts';

export const checkPolicy: StaticChecker = (need, { capabilities, trusted }) =>
  trusted || capabilities.untrustedTypes.includes(need.type)
    ? null
    : refuse(
        'POLICY',
        `its owner takes ${need.type} only from the owner`,
        `Ask the owner of the worker to start it with --allow ${need.type}:untrusted, or use a worker of your own`,
      );
