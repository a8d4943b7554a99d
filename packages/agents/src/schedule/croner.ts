// All that an agent needs of croner. Only this file imports it: the build makes one module of it, without timers and times gone by
// (bundle-libraries.ts).
export { Cron } from "croner";
