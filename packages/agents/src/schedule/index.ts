export {
  getSchedulePrompt,
  scheduleSchema,
  unstable_getSchedulePrompt,
  unstable_scheduleSchema,
  type Schedule
} from "./schedule-prompt";
