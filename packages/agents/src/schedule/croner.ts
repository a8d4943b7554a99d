// All that an agent needs of croner. Only this file imports it: the build makes one module of it (bundle-libraries.ts).
export { Cron } from "croner";
