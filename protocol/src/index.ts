// The contract of UDCS: everything two processes must agree on, and nothing else.
//
//   job       what a submitter sends                    worker   a connected tab or native process
//   task      one piece of it, the unit of scheduling   host     the machine or browser profile behind it
//   attempt   one try of a task by one worker           slot     one task at a time on a worker
//   lease     the right to run an attempt until a time  artifact immutable bytes named sha256:…
//   opening   one wanted attempt of a task              owner    the principal of a token
export * from './api.ts';
export * from './artifacts.ts';
export * from './capabilities.ts';
export * from './certain.ts';
export * from './errors.ts';
export * from './expand.ts';
export * from './ids.ts';
export * from './job.ts';
export * from './limits.ts';
export * from './states.ts';
export * from './views.ts';
export * from './wire.ts';
