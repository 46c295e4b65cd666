{{ measures_by_month(
    {
        "digital_contacts": "digital.digital_contacts",
        "report_a_crime_submissions": "ocr.report_a_crime_submissions",
        "live_chats": "live_chat.live_chats",
        "other_than_ocr_and_chat": "digital.other_than_ocr_and_chat",
        "share_of_non_emergency": "digital.share_of_non_emergency",
        "non_emergency_demand": "demand.non_emergency",
        "total_demand": "demand.total",
    },
    counts=[
        "digital_contacts", "report_a_crime_submissions", "live_chats",
        "other_than_ocr_and_chat", "non_emergency_demand", "total_demand",
    ],
) }}
