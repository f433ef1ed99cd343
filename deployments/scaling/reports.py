"""What replicas report to the scaling policy by Serve's `record_autoscaling_stats`."""

WORKERS = "vivavoce_workers_needed"
OPEN_AUDIO = "vivavoce_open_audio_s"
OLDEST_JOB = "vivavoce_oldest_job_s"
"""Of workers: how many are needed, seconds of audio that wait for them, and how long the oldest queued job waits. All of them
read one queue and report the same."""
WAITING_AUDIO = "vivavoce_waiting_audio_s"
HEARD_AUDIO = "vivavoce_heard_audio_s"
BUSY = "vivavoce_busy_s"
"""Of a stage's replicas: audio of the calls that wait, audio of those that have ended, and their inference time."""
