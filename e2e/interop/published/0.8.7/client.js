export * from "agents/client";
