"""What the two Home Assistants of the demo do for each other, as automations a user could write."""

from typing import Any, Final

from .mesh import MeshEntry

TOPIC: Final = "if://topic/on-air"


async def add_automations(home: MeshEntry, studio: MeshEntry) -> None:
    """Let Studio ask for the recording light, and Home switch it, answer and tell everybody."""
    home_device = await studio.device(home.peer_id)
    studio_device = await home.device(studio.peer_id)
    messages = await home.entity(studio.peer_id, "message")
    await home.add_automation(switch_the_light(messages, studio_device))
    await home.add_automation(tell_everybody(await home.node_device()))
    await studio.add_automation(ask_for_the_light(home_device))


def ask_for_the_light(home_device: str) -> dict[str, Any]:
    """Studio: when we go on air, ask Home for the light and show what it answered."""
    return {
        "alias": "Ask for the recording light",
        "mode": "queued",
        "triggers": [
            {"trigger": "state", "entity_id": "input_boolean.on_air", "to": ["on", "off"]}
        ],
        "actions": [
            {
                "action": "infrafabric.request",
                "target": {"device_id": home_device},
                "data": {
                    "topic": TOPIC,
                    "content": {"light": "{{ trigger.to_state.state }}"},
                    "timeout": 10,
                },
                "response_variable": "answer",
            },
            {
                "action": "input_text.set_value",
                "target": {"entity_id": "input_text.answer"},
                "data": {"value": "{{ answer.content.text }}"},
            },
        ],
    }


def switch_the_light(messages: str, studio_device: str) -> dict[str, Any]:
    """Home: when Studio asks, switch the light and answer in the same conversation."""
    about = "trigger.to_state.attributes"
    return {
        "alias": "Recording light for the studio",
        "mode": "queued",
        # After a reload the last message is shown again; that is not a new one.
        "triggers": [{"trigger": "state", "entity_id": messages, "not_from": "unavailable"}],
        "conditions": [
            {
                "condition": "template",
                "value_template": f"{{{{ {about}.event_type == 'request' "
                f"and {about}.topic == '{TOPIC}' }}}}",
            }
        ],
        "actions": [
            {
                "action": f"input_boolean.turn_{{{{ {about}.content.light }}}}",
                "target": {"entity_id": "input_boolean.recording_light"},
            },
            {
                "action": "infrafabric.send_message",
                "target": {"device_id": studio_device},
                "data": {
                    "performative": "agree",
                    "conversation_id": f"{{{{ {about}.conversation_id }}}}",
                    "trace_id": f"{{{{ {about}.trace_id }}}}",
                    "content": {
                        "text": "The recording light is "
                        "{{ states('input_boolean.recording_light') }}."
                    },
                },
            },
        ],
    }


def tell_everybody(node_device: str) -> dict[str, Any]:
    """Home: when the light changes, tell every member of the mesh."""
    return {
        "alias": "Tell everybody about the recording light",
        "mode": "queued",
        "triggers": [
            {
                "trigger": "state",
                "entity_id": "input_boolean.recording_light",
                "to": ["on", "off"],
            }
        ],
        "actions": [
            {
                "action": "infrafabric.broadcast",
                "target": {"device_id": node_device},
                "data": {
                    "topic": "if://topic/recording-light",
                    "content": {"recording_light": "{{ trigger.to_state.state }}"},
                },
            }
        ],
    }
